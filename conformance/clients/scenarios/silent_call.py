"""A server that leaves a call unanswered until the client takes it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from conformance.clients.reply import Reply, Wait
from conformance.clients.said import calls_tools, cancellations
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn
from conformance.transcript import Conversation

__all__ = ["SCENARIO"]


def _begin(scene: Scene) -> Behaviour:
    held: dict[int, Any] = {}

    def cancelled() -> bool:
        ids = [item.params.get("requestId") for item in cancellations(scene.conversation)]
        # The first visit shows what the client does where the answer never comes.
        return scene.visit > 1 and held[scene.visit] in ids

    def reply(turn: Turn) -> Reply | None:
        if turn.method != "tools/call" or not turn.is_request or scene.visit in held:
            return None
        held[scene.visit] = turn.message["id"]
        return replace(turn.usual(), before=(Wait(cancelled, scene.silence),))

    return Behaviour(reply=reply, again=lambda earlier: bool(cancellations(earlier[0])))


def _needs(plain: Sequence[Conversation]) -> str | None:
    return None if any(map(calls_tools, plain)) else "the client calls no tool"


SCENARIO = Scenario(
    "silent-call",
    "does not answer the first call; to a client that takes it back it does on a second visit, too late",
    _begin,
    needs=_needs,
    visits=2,
    idle=4.0,  # who has more patience than that has a minute of it
    waits=True,
    apart=True,
)
