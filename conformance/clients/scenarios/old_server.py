"""A server of the handshake's era before a client of the modern one: it refuses the probe in ever other words."""

from __future__ import annotations

from conformance.clients.offer import answer, opening, refusal
from conformance.clients.reply import Reply, Wait
from conformance.clients.said import initializes
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn, modern
from reference_impl.protocol.errors import Code
from reference_impl.protocol.lifecycle import is_modern_request
from reference_impl.protocol.revisions import LATEST_LEGACY

__all__ = ["SCENARIO"]

_WORDS: tuple[tuple[int, str] | None, ...] = (
    (Code.METHOD_NOT_FOUND, "Method not found"),
    (Code.INVALID_PARAMS, "Invalid request parameters"),
    (Code.INVALID_REQUEST, "<!DOCTYPE html><title>Bad Request</title>"),
    (-32000, "Bad Request: Server not initialized"),
    (0, "Received request before initialization was complete"),
    None,
)
"""What a request before `initialize` is refused with, visit by visit; the last is silence."""


def _begin(scene: Scene) -> Behaviour:
    def reply(turn: Turn) -> Reply | None:
        if not turn.is_request:
            return None
        if turn.method == "server/discover" or is_modern_request(turn.params):
            words = _WORDS[scene.visit - 1]
            if words is None:
                return Reply(200, before=(Wait(seconds=scene.silence),))
            return Reply(400, refusal(turn.message, *words))
        if turn.method == "initialize":
            offered = turn.params.get("protocolVersion")
            return turn.result(opening(LATEST_LEGACY, offered if isinstance(offered, str) else LATEST_LEGACY.name))
        return Reply(200, answer(LATEST_LEGACY, turn.message))

    # A client that does not go back to the handshake at all is of one era only.
    return Behaviour(reply=reply, again=lambda earlier: bool(initializes(earlier[0])))


SCENARIO = Scenario(
    "old-server",
    "knows nothing of the modern era: it refuses what comes before `initialize` with ever other codes, and at last with"
    " silence",
    _begin,
    binds=modern,
    visits=len(_WORDS),
    apart=True,
)
