"""A server on standard streams that dies at its first list or call, and does not when it is started again."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.clients.reply import End, Reply
from conformance.clients.said import said
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn, modern
from conformance.transcript import Conversation

__all__ = ["SCENARIO"]


def _begin(_: Scene) -> Behaviour:
    died = False

    def reply(turn: Turn) -> Reply | None:
        nonlocal died
        if died or not turn.is_request or turn.method == "server/discover":
            return None
        died = True
        return Reply(before=(End(clean=False, status=1),))

    return Behaviour(reply=reply)


def _needs(plain: Sequence[Conversation]) -> str | None:
    asks = any(item.is_request and item.method != "server/discover" for visit in plain for item in said(visit))
    return None if asks else "the client asks for nothing after server/discover"


SCENARIO = Scenario(
    "dies",
    "ends with status 1 at the first request for more than what it is; started again, it serves",
    _begin,
    binds=modern,
    transports=("stdio",),
    needs=_needs,
    apart=True,
)
