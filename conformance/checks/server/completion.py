"""Checks of `server/utilities/completion`."""

from __future__ import annotations

from itertools import islice

from conformance.check import check
from conformance.checks.methods import require_method
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, expect_error
from conformance.peer import Peer

_ASKED = 10
"""Arguments that are completed."""
_UNKNOWN = {"ref": {"type": "ref/prompt", "name": "touchstone-no-such-prompt"}, "argument": {"name": "a", "value": ""}}


@check("completion.arguments", "completion.argument")
async def arguments(peer: Peer) -> None:
    """The arguments of listed prompts and templates can be completed."""
    asked = list(islice(peer.surface.completions(), _ASKED))
    if not asked:
        raise Blocked("no listed prompt has an argument, no listed template a variable")
    for params in asked:
        answer = require_method(await peer.request("completion/complete", params))
        if not isinstance(answer.result, dict):
            raise Mismatch(f"values, or none, for {brief(params)}", answer.describe())


@check("completion.unknown", "completion.reference.unknown")
async def unknown(peer: Peer) -> None:
    """A completion for a prompt that does not exist gets error -32602."""
    answer = require_method(await peer.request("completion/complete", _UNKNOWN))
    expect_error(answer, {-32602}, "an unknown prompt")


@check("completion.undeclared", "completion.declared")
async def undeclared(peer: Peer) -> None:
    """A server that suggests values declares that it does."""
    _require_undeclared(peer)
    for params in islice(peer.surface.completions(), _ASKED):
        answer = await peer.request("completion/complete", params)
        completion = answer.result.get("completion") if isinstance(answer.result, dict) else None
        if isinstance(completion, dict) and completion.get("values"):
            raise Mismatch("a declared completions capability, or no values", brief(completion))


@check("completion.unsupported", "completion.unsupported")
async def unsupported(peer: Peer) -> None:
    """Without the capability the method does not exist."""
    _require_undeclared(peer)
    params = next(peer.surface.completions(), _UNKNOWN)
    answer = await peer.request("completion/complete", params)
    if isinstance(answer.result, dict):
        raise Inapplicable("the method is there, undeclared, which another check judges")
    expect_error(answer, {-32601}, "completion/complete, which is not declared")


def _require_undeclared(peer: Peer) -> None:
    if "completions" in peer.capabilities:
        raise Inapplicable("the target declares completions")
