"""A modern server that speaks none of the versions that exist."""

from __future__ import annotations

from conformance.clients.reply import Reply
from conformance.clients.scenario import Behaviour, Scenario, Turn, modern
from reference_impl.protocol.errors import Code

__all__ = ["SCENARIO"]

_ONLY = "2099-12-31"


def _reply(turn: Turn) -> Reply | None:
    if not turn.is_request:
        return None
    requested = turn.params.get("protocolVersion") or turn.scene.revision.name
    data = {"supported": [_ONLY], "requested": requested}
    return turn.error(Code.UNSUPPORTED_VERSION, "Unsupported protocol version", data, status=400)


SCENARIO = Scenario(
    "refused-version", "refuses every version that the client names", lambda _: Behaviour(reply=_reply), binds=modern
)
