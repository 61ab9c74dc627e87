"""A server that asks in batches, in the revision that has them."""

from __future__ import annotations

from dataclasses import replace

from conformance.clients.reply import Event, Reply, Wait
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn

__all__ = ["SCENARIO"]

_IDS = ("touchstone-one", "touchstone-two")


def _begin(scene: Scene) -> Behaviour:
    asked = False

    def reply(turn: Turn) -> Reply | None:
        nonlocal asked
        if asked or turn.method != "tools/list" or not turn.is_request:
            return None
        asked = True
        batch = [{"jsonrpc": "2.0", "id": identifier, "method": "ping"} for identifier in _IDS]
        return replace(turn.usual(), before=(Event(batch), Wait(lambda: scene.answered(*_IDS))), awaits=False)

    return Behaviour(reply=reply)


SCENARIO = Scenario(
    "batch",
    "sends two `ping` in a batch before it answers the first list of tools",
    _begin,
    binds=lambda revision: revision.batching,
    apart=True,
)
