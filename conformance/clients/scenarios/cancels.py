"""A server that cancels what is over, what never was, and what it has just asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from conformance.clients.reply import Message, Reply, Step, Wait
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn, legacy

__all__ = ["FIRST", "LAST", "SCENARIO", "TAKEN_BACK"]

FIRST, LAST = "touchstone-first", "touchstone-last"
"""The pings before the cancellations and after them."""
TAKEN_BACK = "touchstone-taken-back"
"""The question that is cancelled in the same breath."""

_FORM = {"message": "Never mind.", "requestedSchema": {"type": "object", "properties": {"name": {"type": "string"}}}}
_SAMPLE = {"messages": [{"role": "user", "content": {"type": "text", "text": "Never mind."}}], "maxTokens": 10}


def _request(identifier: str, method: str, params: dict[str, Any] | None = None) -> Message:
    return {"jsonrpc": "2.0", "id": identifier, "method": method, **({"params": params} if params else {})}


def _cancelled(**params: Any) -> Message:
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}


def _begin(scene: Scene) -> Behaviour:
    begun = False

    def reply(turn: Turn) -> Reply | None:
        nonlocal begun
        if begun or turn.method != "tools/list" or not turn.is_request:
            return None
        begun = True
        steps: tuple[Step, ...] = (
            _request(FIRST, "ping"),
            Wait(lambda: scene.answered(FIRST)),
            _cancelled(requestId=FIRST, reason="too late"),
            _cancelled(requestId="touchstone-never"),
            _cancelled(reason="of nothing at all"),
            *_taken_back(scene.conversation.capabilities),
            _request(LAST, "ping"),
            Wait(lambda: scene.answered(LAST)),
        )
        return replace(turn.usual(), before=steps, awaits=False)

    return Behaviour(reply=reply)


def _taken_back(capabilities: dict[str, Any]) -> tuple[Message, ...]:
    """Return a question that a person has to answer, and its cancellation."""
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "elicitation": ("elicitation/create", _FORM),
        "sampling": ("sampling/createMessage", _SAMPLE),
    }
    for capability, (method, params) in asked.items():
        if capability in capabilities:
            return _request(TAKEN_BACK, method, params), _cancelled(requestId=TAKEN_BACK)
    return ()


SCENARIO = Scenario(
    "cancels",
    "cancels, before it answers the first list of tools, a `ping` that was answered, a request that it never made, none"
    " at all, and a question that it has just asked, if the client declares that it may be asked something",
    _begin,
    binds=legacy,
    apart=True,
)
