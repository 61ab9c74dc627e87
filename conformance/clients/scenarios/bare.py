"""A server that declares nothing."""

from __future__ import annotations

from conformance.clients.reply import Reply
from conformance.clients.scenario import Behaviour, Scenario, Turn, legacy
from reference_impl.protocol.errors import Code

__all__ = ["SCENARIO"]


def _reply(turn: Turn) -> Reply | None:
    if not turn.is_request or turn.method in ("initialize", "ping", "server/discover"):
        return None
    return turn.error(Code.METHOD_NOT_FOUND, "Method not found")


SCENARIO = Scenario(
    "bare",
    "declares no capabilities, and has nothing to list or to call",
    lambda _: Behaviour(opening=lambda result: result | {"capabilities": {}}, reply=_reply),
    binds=legacy,
    apart=True,
)
