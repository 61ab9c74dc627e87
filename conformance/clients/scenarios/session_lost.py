"""A server that forgets the client's session once."""

from __future__ import annotations

from conformance.clients.play import BAD_REQUEST
from conformance.clients.reply import Reply
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn, legacy

__all__ = ["SCENARIO"]


def _begin(_: Scene) -> Behaviour:
    lost = False

    def reply(turn: Turn) -> Reply | None:
        nonlocal lost
        if lost or not turn.is_request or turn.session is None or turn.method in ("initialize", "ping"):
            return None
        lost = True
        return turn.error(BAD_REQUEST, "Session not found", status=404)

    return Behaviour(reply=reply)


SCENARIO = Scenario(
    "session-lost",
    "answers the first request after the handshake with HTTP 404",
    _begin,
    binds=legacy,
    transports=("http",),
)
