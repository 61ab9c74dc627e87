"""A modern server whose results may be kept for one time or another, by one or by all; one call takes a while."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from conformance.clients.notes import acknowledged
from conformance.clients.offer import EMPTY_SCHEMA, Offer, usual_offer
from conformance.clients.reply import Message, Reply, Wait
from conformance.clients.said import calls_tools
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn, modern
from conformance.transcript import Conversation
from reference_impl.protocol.errors import Code
from reference_impl.protocol.revisions import Revision

__all__ = ["HELD", "SCENARIO"]

HELD = "wait"
"""The tool that is answered after a while, in which whoever has nothing to do asks for nothing."""
_WHILE = 1.5
_ENOUGH = 20
_FEW = 3
"""Lists that a client gets during that while before the server fails."""
_LONG = 60_000
_PAUSE = 0.05
"""Seconds that a note is answered after: what may be kept for a millisecond is stale by then."""
_HINTS: dict[str, Message] = {
    "tools/list": {"ttlMs": 1, "cacheScope": "private"},
    "prompts/list": {"cacheScope": "private"},
    "resources/list": {"ttlMs": -1, "cacheScope": "private"},
    "resources/templates/list": {"ttlMs": 0, "cacheScope": "private"},
    "resources/read": {"ttlMs": _LONG, "cacheScope": "private"},
}
_ASKS = "test://question"
_URIS = ("test://one", "test://two", _ASKS)


def _offer(revision: Revision) -> Offer:
    tools = tuple({"name": name, "inputSchema": EMPTY_SCHEMA} for name in (HELD, "greet"))
    resources = tuple({"uri": uri, "name": uri.partition("//")[2]} for uri in _URIS)
    return replace(usual_offer(revision), tools=(tools,), resources=(resources,))


def _begin(_: Scene) -> Behaviour:
    held, polled = False, 0

    def reply(turn: Turn) -> Reply | None:
        nonlocal held, polled
        if not turn.is_request or turn.method == "server/discover":
            return None
        if turn.params.get("name") == HELD and not held:
            held = True
            return replace(turn.usual(), before=(Wait(lambda: polled >= _ENOUGH, _WHILE),))
        if held and turn.method == "tools/list" and "cursor" not in turn.params:
            polled += 1
            if polled > _FEW:
                return turn.error(Code.INTERNAL_ERROR, "Internal error: the list is not at hand")
        if turn.params.get("uri") == _ASKS and "requestState" not in turn.params:
            return turn.result({"resultType": "input_required", "requestState": "asked"})
        noted = acknowledged(turn)
        return _hinted(turn) if noted is None else replace(noted, before=(Wait(seconds=_PAUSE),))

    return Behaviour(reply=reply, offer=_offer)


def _hinted(turn: Turn) -> Reply | None:
    """Return the usual answer with other hints."""
    response = turn.usual().response
    result: dict[str, Any] = (response or {}).get("result", {})
    if turn.method not in _HINTS or not result:
        return None
    bare = {name: value for name, value in result.items() if name not in ("ttlMs", "cacheScope")}
    return turn.result(bare | _HINTS[turn.method])


def _needs(plain: Sequence[Conversation]) -> str | None:
    return None if any(map(calls_tools, plain)) else "the client calls no tool"


SCENARIO = Scenario(
    "caching",
    "lets its results be kept for a minute, a millisecond, no time, less than no time, or does not say; answers one"
    " call after a while, and fails whoever lists the tools again and again meanwhile",
    _begin,
    binds=modern,
    needs=_needs,
)
