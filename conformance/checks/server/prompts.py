"""Checks of `server/prompts`: getting what is listed, refusing what is not."""

from __future__ import annotations

from conformance.check import check
from conformance.checks.methods import require_method
from conformance.expect import Inapplicable, Mismatch, expect_error
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


@check("prompts.arguments.missing", "prompts.arguments.missing")
async def missing_argument(peer: Peer) -> None:
    """A prompt without the argument that it requires gets error -32602, where with it it does not."""
    for prompt in peer.surface.prompts:
        arguments = prompt_arguments(prompt)
        with_all = {"name": prompt.get("name"), "arguments": arguments}
        if arguments and isinstance((await peer.request("prompts/get", with_all)).result, dict):
            message = peer.message("prompts/get", {"name": prompt.get("name"), "arguments": {}})
            answer = await peer.call(message, defect="arguments: the required ones left out")
            expect_error(answer, {_INVALID_PARAMS}, f"prompt {prompt.get('name')} without {', '.join(arguments)}")
            return
    raise Inapplicable("no prompt that can be got has a required argument")
