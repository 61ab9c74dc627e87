"""Valid calls of a target's tools, each made once a conversation, however many checks want its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from conformance.expect import Blocked
from conformance.links import Answer, Gone, Silence
from conformance.peer import Peer
from conformance.surface import ToolCall

__all__ = ["answers", "succeeded", "tried"]


async def tried(peer: Peer, call: ToolCall) -> Answer | Silence:
    """Return the answer to a call, or the silence that met it. Raises `Gone`."""
    name = call.tool["name"]
    async with peer.trying:
        if name not in peer.tried:
            try:
                peer.tried[name] = await peer.request("tools/call", call.params)
            except Silence as silence:
                peer.tried[name] = silence
    return peer.tried[name]


async def answers(peer: Peer) -> AsyncIterator[tuple[ToolCall, Answer]]:
    """Each quick tool that may be called, with its answer; silent ones are left out.

    Raises `Inapplicable` without tools, `Blocked` if none may be called, or if a call ends the conversation: that is
    for `tools.call.answered` to tell.
    """
    for call in peer.surface.need_calls():
        try:
            answer = await tried(peer, call)
        except Gone as gone:
            how = gone.actual.partition("; ")[0]
            raise Blocked(f"a call of {call.tool['name']} ends the conversation: {how}") from None
        if isinstance(answer, Answer):
            yield call, answer


def succeeded(answer: Answer) -> bool:
    """Whether a call was carried out: no error of either kind, no question."""
    result = answer.result
    return isinstance(result, dict) and not result.get("isError") and result.get("resultType") != "input_required"
