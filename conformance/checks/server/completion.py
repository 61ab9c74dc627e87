"""Checks of `server/utilities/completion`."""

from __future__ import annotations

from itertools import islice
from typing import Any

from conformance.check import check
from conformance.checks.methods import require_method
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, expect_error
from conformance.links import Answer
from conformance.peer import Peer

_ASKED = 10
"""Arguments that are completed."""
_NOT_FOUND = -32601
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


@check("completion.malformed", "completion.inputs.validated", "completion.inputs.validated-should")
async def malformed(peer: Peer) -> None:
    """A completion whose reference is of no kind, or whose value is no text, gets an error."""
    params = await _completed(peer)
    for member, wrong in (("ref", {"type": "ref/touchstone"}), ("argument", {"value": {"touchstone": []}})):
        message = peer.message("completion/complete", {**params, member: {**params[member], **wrong}})
        answer = await peer.call(message, defect=f"a malformed {member}")
        if isinstance(answer.result, dict):
            mismatch = Mismatch(f"an error for a completion with {brief(wrong)} as {member}", answer.describe())
            mismatch.breaks = "completion.inputs.validated"
            if not _values(answer):
                await _require_judgement(peer)
                mismatch.breaks = "completion.inputs.validated-should"
            raise mismatch


@check("completion.argument.missing", "completion.arguments.missing")
async def missing_argument(peer: Peer) -> None:
    """A completion that does not say which argument it is about gets error -32602."""
    params = {"ref": (await _completed(peer))["ref"]}
    answer = await peer.call(peer.message("completion/complete", params), defect="no argument to complete")
    if isinstance(answer.result, dict):
        await _require_judgement(peer)
    expect_error(answer, {-32602}, "a completion without argument")


@check("completion.undeclared", "completion.declared")
async def undeclared(peer: Peer) -> None:
    """A server that suggests values declares that it does."""
    _require_undeclared(peer)
    for params in islice(peer.surface.completions(), _ASKED):
        answer = await peer.request("completion/complete", params)
        if values := _values(answer):
            raise Mismatch("a declared completions capability, or no values", brief(values))


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


async def _completed(peer: Peer) -> dict[str, Any]:
    """Return params that the target completes. Raises `Inapplicable` where it does not, `Blocked` without any."""
    if (params := next(peer.surface.completions(), None)) is None:
        if "completions" not in peer.capabilities:
            raise Inapplicable("the target declares no completions and has nothing to complete")
        raise Blocked("no listed prompt has an argument, no listed template a variable")
    answer = await peer.request("completion/complete", params)
    if answer.code == _NOT_FOUND:
        raise Inapplicable("the target knows no completion/complete")
    if not isinstance(answer.result, dict):
        raise Blocked(f"not even a right request is completed: {answer.describe()}")
    return params


async def _require_judgement(peer: Peer) -> None:
    """Raise `Blocked` if the target has nothing for whatever it is asked: that is one fault, which `unknown` finds."""
    if isinstance((await peer.request("completion/complete", _UNKNOWN)).result, dict):
        raise Blocked("the target refuses no completion at all, which another check judges")


def _values(answer: Answer) -> Any:
    completion = answer.result.get("completion") if isinstance(answer.result, dict) else None
    return completion.get("values") if isinstance(completion, dict) else None
