"""Checks of `server/tools`: the order of the list, calls that should work, calls that should not.

Tools are called only where the target marks them read-only or the user allowed it, with arguments that fit their own
schema. A call that gets `input_required`, or -32021 for want of a client capability, has been answered well enough.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from conformance.calling import answers, succeeded, tried
from conformance.check import check
from conformance.checks.methods import require_method
from conformance.dialects import misfit
from conformance.expect import Blocked, Inapplicable, Mismatch, Unserved, brief, expect_error
from conformance.interviews import interviewed
from conformance.links import Answer, Gone, Silence
from conformance.lists import elsewhere, names
from conformance.peer import Peer
from conformance.surface import ToolCall

_DUTY = "base.response.every-request"
_INVALID_PARAMS = -32602
_NO_TOOL = "touchstone-no-such-tool"
_ABOUT_THE_CALL = (_INVALID_PARAMS, -32021, -32042)
"""Errors that tell of the call and not of the tool: arguments, a client capability that is missing, a URL to visit."""
_ODD: dict[str, Any] = {"touchstone": []}
"""A value that fits no scalar and no array, and that nobody turns into one by good will."""
_COMPLAINT = re.compile(r"(?i)error|invalid|required|missing|must|expected|cannot|can't|could not|fail|not ")


@check("tools.list.order", "tools.list.order", "tools.list.order-early")
async def order(peer: Peer) -> None:
    """Repeated tools/list give the same tools in the same order, on this connection and on another."""
    first, second = await names(peer, "tools/list"), await names(peer, "tools/list")
    third = (await elsewhere(peer)).get("tools/list")
    if third is None:
        raise Blocked("tools/list gave no result on another connection")
    if not sorted(first) == sorted(second) == sorted(third):
        raise Blocked("the set of tools changed meanwhile")
    for later in (second, third):
        if later != first:
            raise Mismatch(f"tools in the order {brief(first)}", brief(later))


@check("tools.call.answered", _DUTY, "tools.call.answered")
async def answered(peer: Peer) -> None:
    """Every tool that may be called answers a call with valid arguments."""
    for call in peer.surface.need_calls():
        try:
            answer = await tried(peer, call)
        except Gone as death:
            death.expected, death.breaks = f"{death.expected} {call.tool['name']}", _DUTY
            raise
        if isinstance(answer, Silence):
            raise await _graded(peer, call, answer)


async def _graded(peer: Peer, call: ToolCall, silence: Silence) -> Silence:
    """A tool may take its time. One that keeps the target from answering anything else has hung it."""
    try:
        await peer.fence()
    except Silence as hung:
        entries = (*silence.entries, *hung.entries)
        silence = Silence(f"{silence.expected}, or then to {peer.cheap_method}", "silence to both", entries)
        silence.breaks = _DUTY
    else:
        silence = Silence(silence.expected, silence.actual, silence.entries)
        silence.breaks = "tools.call.answered"
    silence.actual += f" ({call.tool['name']})"
    return silence


@check("tools.call.again", "tools.call.again")
async def call_again(peer: Peer) -> None:
    """A tool that answered a call with a result does so a second time."""
    async for call, first in answers(peer):
        if succeeded(first):
            for _ in range(2):  # the first call may have been another connection's
                again = await peer.request("tools/call", call.params)
                if again.error is not None:
                    raise Mismatch(f"{call.tool['name']} to answer as before: {first.describe()}", again.describe())
            return
    raise Blocked("no tool that may be called succeeds with the simplest arguments (samples would help)")


@check("tools.call.error-in-result", "tools.call.error-in-result")
async def error_in_result(peer: Peer) -> None:
    """No tool answers a call with valid arguments by a JSON-RPC error about itself."""
    async for call, answer in answers(peer):
        if answer.error is not None and answer.code not in _ABOUT_THE_CALL and not await _would_ask(peer, call):
            raise Mismatch(f"a result of {call.tool['name']}, with isError where the tool failed", answer.describe())


async def _would_ask(peer: Peer, call: ToolCall) -> bool:
    """Whether a tool asks a client that can be asked: for want of one it may fail, which is no error of the tool."""
    with suppress(Unserved):
        return any(made.call.tool["name"] == call.tool["name"] for made in await interviewed(peer))
    return False


@check("tools.call.unknown", "tools.call.unknown")
async def unknown(peer: Peer) -> None:
    """A call of a tool that is not listed gets error -32602."""
    if not peer.surface.tools:
        raise Inapplicable("the target lists no tools")
    answer = require_method(await peer.request("tools/call", {"name": _NO_TOOL, "arguments": {}}))
    expect_error(answer, {_INVALID_PARAMS}, "an unknown tool")


@check("tools.names.case", "tools.name.case")
async def case_of_names(peer: Peer) -> None:
    """A tool is not known by its name in other case."""
    listed = {tool.get("name") for tool in peer.surface.tools}
    async for call, valid in answers(peer):
        other = call.tool["name"].swapcase()
        if other in listed or not succeeded(valid):
            continue
        if succeeded(await peer.request("tools/call", {"name": other, "arguments": call.arguments})):
            if succeeded(await peer.request("tools/call", {"name": _NO_TOOL, "arguments": call.arguments})):
                raise Blocked("the target answers calls of unknown tools with results, which another check judges")
            raise Mismatch(f"no tool {other}, since {call.tool['name']} is listed", "a result, as of the other")
        return
    raise Blocked("no tool with letters in its name may be called and succeeds with the simplest arguments")


@check("tools.arguments.missing", "tools.arguments.validated", "tools.arguments.refused")
async def missing_argument(peer: Peer) -> None:
    """A call without an argument that the tool requires is refused, where the same call with it succeeds."""
    await _expect_refusal(peer, _without_one, "a required argument left out")


@check("tools.arguments.type", "tools.arguments.validated", "tools.arguments.refused")
async def wrong_type(peer: Peer) -> None:
    """A call with an object in the place of a scalar argument is refused, where the right value succeeds."""
    await _expect_refusal(peer, _with_an_object, "an argument of the wrong type")


@check("tools.output.conforms", "tools.output.conforms")
async def output_conforms(peer: Peer) -> None:
    """Every tool with an outputSchema gives structured content that fits it."""
    for call, result in await _structured_results(peer):
        if "structuredContent" not in result:
            raise Mismatch(f"structuredContent from {call.tool['name']}, as its outputSchema promises", brief(result))
        wrong = misfit(call.tool["outputSchema"], result["structuredContent"])
        if wrong is not None:
            raise Mismatch(f"structuredContent of {call.tool['name']} that fits its outputSchema", wrong)


@check("tools.output.text", "tools.output.text")
async def output_text(peer: Peer) -> None:
    """Structured content is accompanied by text."""
    for call, result in await _structured_results(peer):
        content = result.get("content")
        kinds = [block.get("type") for block in content if isinstance(block, dict)] if isinstance(content, list) else []
        if "structuredContent" in result and "text" not in kinds:
            raise Mismatch(f"a text block from {call.tool['name']} beside its structuredContent", brief(result))


async def _structured_results(peer: Peer) -> list[tuple[ToolCall, dict[str, Any]]]:
    """Call the tools that promise structured output; return the calls that succeeded with their results."""
    if not any("outputSchema" in tool for tool in peer.surface.tools):
        raise Inapplicable("no tool has an outputSchema")
    promising = {
        call.tool["name"] for call in peer.surface.need_calls() if isinstance(call.tool.get("outputSchema"), dict)
    }
    found = [
        (call, answer.result)
        async for call, answer in answers(peer)
        if call.tool["name"] in promising and succeeded(answer)
    ]
    if not found:
        raise Blocked("no tool with an outputSchema may be called and succeeds (--allow NAME, samples)")
    return found


# Wrong arguments ------------------------------------------------------------------------------------


async def _expect_refusal(peer: Peer, spoil: Any, what: str) -> None:
    async for call, valid in answers(peer):
        spoiled = spoil(call)
        if spoiled is None or not succeeded(valid):
            continue
        message = peer.message("tools/call", {"name": call.tool["name"], "arguments": spoiled})
        answer = await peer.call(message, defect=f"arguments: {what}")
        if answer.code != _INVALID_PARAMS and (answer.error is not None or succeeded(answer)):
            expected = f"an isError result or error {_INVALID_PARAMS} from {call.tool['name']} for {what}"
            mismatch = Mismatch(expected, answer.describe())
            taken = answer.error is None and not _complains(answer)
            mismatch.breaks = "tools.arguments.validated" if taken else "tools.arguments.refused"
            raise mismatch
        return
    raise Blocked(f"no tool that may be called succeeds with the simplest arguments and could be sent {what}")


def _complains(answer: Answer) -> bool:
    """Whether a result without isError says in its text that something is wrong: then it was looked at, at least."""
    content = answer.result.get("content") if isinstance(answer.result, dict) else None
    blocks = [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return any(_COMPLAINT.search(str(block.get("text", ""))) for block in blocks)


def _without_one(call: ToolCall) -> dict[str, Any] | None:
    schema = call.tool.get("inputSchema")
    required, members = (schema.get("required"), schema.get("properties")) if isinstance(schema, dict) else (None, None)
    for name in required if isinstance(required, list) else []:
        rest = {key: value for key, value in call.arguments.items() if key != name}
        member = members.get(name) if isinstance(members, dict) else None
        # What has a default may be left out, whatever `required` says: some libraries write both.
        optional = isinstance(member, dict) and "default" in member
        if name in call.arguments and not optional and misfit(schema, rest) is not None:
            return rest
    return None


def _with_an_object(call: ToolCall) -> dict[str, Any] | None:
    schema = call.tool.get("inputSchema")
    members = schema.get("properties") if isinstance(schema, dict) else None
    for name, member in members.items() if isinstance(members, dict) else ():
        spoiled = {**call.arguments, name: _ODD}
        scalar = isinstance(member, dict) and member.get("type") in ("string", "integer", "number", "boolean")
        if scalar and "x-mcp-header" not in member and misfit(schema, spoiled) is not None:
            return spoiled
    return None
