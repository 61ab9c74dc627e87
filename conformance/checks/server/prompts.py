"""Checks of `server/prompts`: getting what is listed, refusing what is not."""

from __future__ import annotations

from typing import Any

from conformance.check import check
from conformance.checks.methods import require_method
from conformance.expect import Inapplicable, Mismatch, expect_error
from conformance.links import Answer
from conformance.peer import Peer
from conformance.surface import prompt_arguments

_GET = 8
"""Listed prompts that are got."""
_INVALID_PARAMS = -32602
_NOT_THERE = (_INVALID_PARAMS, -32601)
"""Errors that deny a prompt or the method. Another one may tell of a client capability that we lack."""


@check("prompts.get", "prompts.get.listed")
async def get_listed(peer: Peer) -> None:
    """The first prompts of the list that require no argument can be got."""
    prompts = peer.surface.prompts[:_GET]
    if all(map(prompt_arguments, prompts)):
        raise Inapplicable("the target lists no prompt that requires no argument")
    for prompt in prompts:
        # Those with arguments are got for what monitors may see in them; our guess of a value may well be wrong.
        arguments = prompt_arguments(prompt)
        answer = await peer.request("prompts/get", {"name": prompt.get("name"), "arguments": arguments})
        if not arguments and answer.code in _NOT_THERE:
            raise Mismatch(f"the messages of {prompt.get('name')}, which is listed", answer.describe())


@check("prompts.unknown", "prompts.get.unknown")
async def unknown(peer: Peer) -> None:
    """A prompt that is not listed gets error -32602."""
    answer = require_method(await peer.request("prompts/get", {"name": "touchstone-no-such-prompt"}))
    expect_error(answer, {_INVALID_PARAMS}, "an unknown prompt")


@check("prompts.arguments.missing", "prompts.arguments.missing", "prompts.arguments.validated")
async def missing_argument(peer: Peer) -> None:
    """A prompt without the argument that it requires gets error -32602, where with it it does not."""
    name, arguments = await _with_arguments(peer)
    answer = await _got(peer, name, {}, "the required ones left out")
    what = f"prompt {name} without {', '.join(arguments)}"
    _expect_no_messages(answer, what)
    try:
        expect_error(answer, {_INVALID_PARAMS}, what)
    except Mismatch as mismatch:
        mismatch.breaks = "prompts.arguments.missing"
        raise


@check("prompts.arguments.type", "prompts.arguments.validated")
async def wrong_type(peer: Peer) -> None:
    """A prompt with an object in the place of an argument, which is always text, gives no messages."""
    name, arguments = await _with_arguments(peer)
    spoiled = {**arguments, next(iter(arguments)): {"touchstone": []}}
    _expect_no_messages(await _got(peer, name, spoiled, "an object for a text"), f"prompt {name} with an object")


async def _with_arguments(peer: Peer) -> tuple[str, dict[str, str]]:
    """Return a prompt that can be got, and the arguments that it requires. Raises `Inapplicable` without one."""
    for prompt in peer.surface.prompts:
        name, arguments = prompt.get("name"), prompt_arguments(prompt)
        if isinstance(name, str) and arguments:
            answer = await peer.request("prompts/get", {"name": name, "arguments": arguments})
            if isinstance(answer.result, dict):
                return name, arguments
    raise Inapplicable("no prompt that can be got has a required argument")


async def _got(peer: Peer, name: str, arguments: dict[str, Any], defect: str) -> Answer:
    message = peer.message("prompts/get", {"name": name, "arguments": arguments})
    return await peer.call(message, defect=f"arguments: {defect}")


def _expect_no_messages(answer: Answer, what: str) -> None:
    if isinstance(answer.result, dict) and answer.result.get("messages"):
        mismatch = Mismatch(f"an error for {what}", answer.describe())
        mismatch.breaks = "prompts.arguments.validated"
        raise mismatch
