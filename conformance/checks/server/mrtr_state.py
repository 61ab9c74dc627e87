"""Checks of `requestState` in the hands of an attacker: `basic/patterns/mrtr#security-considerations`."""

from __future__ import annotations

import base64
import re
from typing import Any

from conformance.calling import succeeded
from conformance.check import check
from conformance.checks.fences import serves_after
from conformance.checks.server.mrtr import DECLARED, answered, questions, retry_params
from conformance.expect import Blocked, Mismatch
from conformance.links import Answer
from conformance.peer import Peer
from conformance.surface import ToolCall

_GUARDED = "tampered_state"
"""Part of the name by which conformance suites know a tool that seals its state."""
_HOSTILE: dict[str, str] = {
    "an empty text": "",
    "a null character": "touchstone\x00",
    "64 KiB": "a" * 65536,
    "JSON": '{"__proto__":{"touchstone":1},"step":1e999}',
    "nested JSON in Base64": base64.b64encode(b"[" * 5000).decode(),
    "dots as of a token": "eyJhbGciOiJub25lIn0.e30.",
}
_TRACE = re.compile(r"Traceback \(most recent call last\)|\n\s+at .+:\d+:\d+|goroutine \d+ \[running\]")


@check("mrtr.state.hostile", "mrtr.state.hostile")
async def hostile_state(peer: Peer) -> None:
    """No requestState that an attacker makes up breaks the server, or makes it show its inner workings."""
    call, asked = await _need_state(peer)
    for what, state in _HOSTILE.items():
        answer = await _with_state(peer, call, asked, state)
        told = answer.describe() if answer.error is None else str(answer.error.get("message"))
        if _TRACE.search(told):
            raise Mismatch(f"an answer without a stack trace for {what}", told[:200], [answer.entry.index])
    await serves_after(peer, "states that were made up")


@check("mrtr.state.sealed", "mrtr.state.rejected")
async def sealed_state(peer: Peer) -> None:
    """A state that was changed on its way is refused by a tool that guards its state."""
    async for call, asked in questions(peer):
        state = asked.result.get("requestState")
        if _GUARDED in call.tool["name"] and isinstance(state, str) and state:
            break
    else:
        raise Blocked(f"only a tool that is known to guard its state tells: one with {_GUARDED} in its name")
    if not succeeded(await answered(peer, call, asked)):
        raise Blocked(f"{call.tool['name']} does not complete with the simplest answers")
    middle = len(state) // 2
    other = "A" if state[middle] != "A" else "B"
    for changed in (state[:middle] + other + state[middle + 1 :], state[:middle]):
        answer = await _with_state(peer, call, asked, changed)
        if succeeded(answer):
            raise Mismatch("an error for a state that was changed", answer.describe(), [answer.entry.index])


@check("mrtr.state.elsewhere", "mrtr.state.request")
async def state_elsewhere(peer: Peer) -> None:
    """A state is refused on another call than the one for which it was given, or the question comes again."""
    found = [pair async for pair in questions(peer) if isinstance(pair[1].result.get("requestState"), str)]
    for call, asked in found:
        other = next((pair for pair in found if pair[0].tool["name"] != call.tool["name"]), None)
        if other is not None and succeeded(await answered(peer, call, asked)):
            foreign = other[1].result["requestState"]
            answer = await _with_state(peer, call, asked, foreign)
            if succeeded(answer):
                wanted = f"no success of {call.tool['name']} with a state that {other[0].tool['name']} gave"
                raise Mismatch(wanted, answer.describe(), [answer.entry.index])
            return
    raise Blocked("it takes two tools that may be called and ask for input with a requestState")


async def _need_state(peer: Peer) -> tuple[ToolCall, Answer]:
    async for call, asked in questions(peer):
        if isinstance(asked.result.get("requestState"), str):
            return call, asked
    raise Blocked("no tool that may be called asks for input with a requestState")


async def _with_state(peer: Peer, call: ToolCall, asked: Answer, state: str) -> Answer:
    params: dict[str, Any] = {**retry_params(call, asked), "requestState": state}
    return await peer.call(peer.message("tools/call", params, meta=DECLARED), defect="a requestState of nobody's")
