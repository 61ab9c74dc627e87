"""A server whose stream ends before it has brought the answer, which waits for whoever comes back for it."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.clients.reply import CUT, END, Event, Message, Reply
from conformance.clients.said import calls_tools
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn
from conformance.transcript import Conversation

__all__ = ["EVENT_ID", "RETRY", "SCENARIO"]

EVENT_ID = "touchstone-7"
"""The id of the only event on the stream that breaks off."""
RETRY = 700
"""The milliseconds that the server asks to be left alone for."""


def _begin(scene: Scene) -> Behaviour:
    primed = scene.revision.primes_streams
    event = Event(id=EVENT_ID, retry=RETRY if primed else None)
    kept: list[Message] = []

    def reply(turn: Turn) -> Reply | None:
        response = turn.usual().response
        if kept or turn.method != "tools/call" or not turn.is_request or response is None:
            return None
        kept.append(response)
        # What ends as it should is the later revision's; before it a stream that ended early was a broken one.
        return Reply(200, before=(event, END if primed else CUT))

    def listen(turn: Turn) -> Reply | None:
        given = turn.head.get("last-event-id") if turn.head is not None else None
        return Reply(200, kept[0], streams=True) if kept and given == EVENT_ID else None

    return Behaviour(reply=reply, listen=listen)


def _needs(plain: Sequence[Conversation]) -> str | None:
    return None if any(map(calls_tools, plain)) else "the client calls no tool"


SCENARIO = Scenario(
    "broken-stream",
    "answers the first call with a stream that ends after an event with an id, and gives the answer to whoever takes it"
    f" up again by GET; where the revision has that, it asks for {RETRY} ms before that",
    _begin,
    binds=lambda revision: revision.streamable_http and not revision.modern,
    transports=("http",),
    needs=_needs,
    apart=True,
)
