"""Servers that hand out tasks (`extensions/tasks`) to whoever declares the extension: where they may, and where not.

One task is merely slow; one asks for input, and shows its question once more after the answer, as a server may for
which the answer is still on its way.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from conformance.capabilities import declares
from conformance.checks.receiver import LONG, SOON
from conformance.clients.offer import CAPABILITIES, EMPTY_SCHEMA, Offer
from conformance.clients.reply import Message, Reply
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn, modern
from conformance.expect import Inapplicable
from conformance.transcript import Conversation
from reference_impl.protocol.methods import TASKS
from reference_impl.protocol.tasks import timestamp

__all__ = ["ASKING", "HANDED", "KEY", "MISPLACED", "MISPLACED_TASK", "SLOW", "declares_extension"]

SLOW, ASKING, PLAIN = "slow_work", "asking_work", "no_work"
KEY = "name"
"""The key of the question that a task asks."""
MISPLACED_TASK = "misplaced-c2VjcmV0IG9mIG5vYm9keQ"
_TTL = 60_000
_FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
_QUESTION: Message = {
    "method": "elicitation/create",
    "params": {"mode": "form", "message": "What is your name?", "requestedSchema": _FORM},
}
_DONE: Message = {"content": [{"type": "text", "text": "done"}]}


def declares_extension(capabilities: Any) -> bool:
    """Whether a client declares the extension."""
    return declares(capabilities, f"extensions.{TASKS}")


@dataclass(slots=True)
class _Task:
    """A task. `again`: how often its question is still shown after it was answered."""

    id: str
    asks: bool
    looks: int = 0
    answered: bool = False
    again: int = 1
    cancelled: bool = False
    _born: float = field(default_factory=time.time)

    def look(self) -> Message:
        """Return what the next look sees."""
        self.looks += 1
        if self.cancelled:
            return self._told("cancelled")
        if not self.asks:
            return self._told("working", LONG) if self.looks == 1 else self._told("completed", result=_DONE)
        if not self.answered:
            return self._told("input_required", inputRequests={KEY: _QUESTION})
        if self.again:
            self.again -= 1
            return self._told("input_required", inputRequests={KEY: _QUESTION})
        return self._told("completed", result=_DONE)

    def created(self) -> Message:
        """Return it as it is handed out."""
        return {**self._told("working"), "resultType": "task"}

    def _told(self, status: str, interval: int = SOON, **more: Any) -> Message:
        times = {"createdAt": timestamp(self._born), "lastUpdatedAt": timestamp(time.time())}
        told = {"taskId": self.id, "status": status, **times, "ttlMs": _TTL, "pollIntervalMs": interval, **more}
        return {"resultType": "complete", **told}


def _offer(_: object) -> Offer:
    tools = tuple({"name": name, "inputSchema": EMPTY_SCHEMA} for name in (SLOW, ASKING, PLAIN))
    return Offer((tools,), capabilities={**CAPABILITIES, "extensions": {TASKS: {}}})


def _handed(scene: Scene) -> Behaviour:
    tasks: dict[str, _Task] = {}

    def call(turn: Turn) -> Reply | None:
        name, held = turn.params.get("name"), scene.conversation.capabilities
        asks = name == ASKING and declares(held, "elicitation")
        if name not in (SLOW, ASKING) or not declares_extension(held):
            return None
        task = _Task(f"{name}-{len(tasks)}-c2VjcmV0IG9mIG5vYm9keQ", asks)
        tasks[task.id] = task
        return turn.result(task.created())

    def about(turn: Turn) -> Reply:
        task = tasks.get(str(turn.params.get("taskId")))
        if task is None:
            return turn.error(-32602, "There is no such task")
        if turn.method == "tasks/get":
            return turn.result(task.look())
        task.cancelled = task.cancelled or turn.method == "tasks/cancel"
        responses = turn.params.get("inputResponses")
        task.answered = task.answered or (isinstance(responses, dict) and KEY in responses)
        return turn.result({"resultType": "complete"})

    def reply(turn: Turn) -> Reply | None:
        if turn.is_request and turn.method in ("tasks/get", "tasks/update", "tasks/cancel"):
            return about(turn)
        return call(turn) if turn.is_request and turn.method == "tools/call" else None

    return Behaviour(reply=reply, offer=_offer)


def _misplaced(scene: Scene) -> Behaviour:
    def reply(turn: Turn) -> Reply | None:
        if turn.method != "tools/list" or not declares_extension(scene.conversation.capabilities):
            return None
        return turn.result(_Task(MISPLACED_TASK, asks=False).created())

    return Behaviour(reply=reply, offer=_offer)


def _needs(plain: Sequence[Conversation]) -> Inapplicable | None:
    if any(declares_extension(conversation.capabilities) for conversation in plain):
        return None
    return Inapplicable(f"the client does not declare the extension {TASKS}")


HANDED = Scenario(
    "tasks-handed",
    "hands out tasks for calls of two tools, and a plain result for a third; one task asks for input where the client"
    " can give it",
    _handed,
    binds=modern,
    needs=_needs,
)
MISPLACED = Scenario(
    "tasks-misplaced",
    "hands out a task for the list of tools",
    _misplaced,
    binds=modern,
    needs=_needs,
    apart=True,
)
