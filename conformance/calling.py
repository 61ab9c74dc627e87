"""Valid calls of a target's tools, each made once a conversation, however many checks want its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from conformance.links import Answer, Silence
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

    Raises `Inapplicable` without tools, `Blocked` if none may be called.
    """
    for call in peer.surface.need_calls():
        answer = await tried(peer, call)
        if isinstance(answer, Answer):
            yield call, answer


def succeeded(answer: Answer) -> bool:
    """Whether a call was carried out: no error of either kind, no question."""
    result = answer.result
    return isinstance(result, dict) and not result.get("isError") and result.get("resultType") != "input_required"
