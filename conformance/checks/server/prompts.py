"""Checks of `server/prompts`: getting what is listed, refusing what is not."""

from __future__ import annotations

from typing import Any

from conformance.check import check
from conformance.checks.methods import require_method
from conformance.expect import Inapplicable, Mismatch, expect_error
from conformance.links import Answer
from conformance.peer import Peer
from conformance.surface import prompt_arguments

_GET = 5
"""Listed prompts that are got."""
_INVALID_PARAMS = -32602
_MISSING_CAPABILITY = -32021


@check("prompts.get", "prompts.get.listed")
async def get_listed(peer: Peer) -> None:
    """The first prompts of the list can be got; one may find the value of an argument wrong."""
    peer.surface.need_prompt()
    for prompt in peer.surface.prompts[:_GET]:
        arguments = prompt_arguments(prompt)
        answer = await peer.request("prompts/get", {"name": prompt.get("name"), "arguments": arguments})
        if not _fine(answer, arguments):
            raise Mismatch(f"the messages of {prompt.get('name')}, which is listed", answer.describe())


def _fine(answer: Answer, arguments: dict[str, Any]) -> bool:
    refused = answer.code == _MISSING_CAPABILITY or (answer.code == _INVALID_PARAMS and arguments)
    return isinstance(answer.result, dict) or bool(refused)


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
