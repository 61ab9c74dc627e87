"""Servers whose tools run as tasks (2025-11-25 `basic/utilities/tasks`): for those who ask, as the tools say.

Each tool has its manner (`conformance.checks.receiver`). Another server claims tasks for its tools alone, and declares
them for none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from conformance.checks.receiver import CURSORS, Made, Manner
from conformance.clients.offer import CAPABILITIES, EMPTY_SCHEMA, Offer
from conformance.clients.reply import Later, Message, Reply, Step, Wait
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn
from conformance.transcript import Conversation, Direction
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.tasks import RELATED_TASK, TERMINAL

__all__ = ["CALLED", "CLAIMED", "ELSEWHERE", "QUESTION", "WOKEN", "manner_of"]

QUESTION = "touchstone-task-question"
"""What the id of a question that a task asks begins with."""
WOKEN = "touchstone-woken"
"""The status message of the task that is told to have ended since nobody asked about it."""
_TOOLS = {"task_quiet": Manner.QUIET, "task_told": Manner.TELLS, "task_asking": Manner.ASKS}
_SUPPORTS = {**dict.fromkeys(_TOOLS, "required"), "either_way": "optional", "never_as_task": None}
_CLAIMS = {"claims_to_require": "required", "claims_to_offer": "optional", "claims_nothing": None}
_TASKS: Message = {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
_WITHOUT_A_WORD = 4.0
"""Seconds after which whoever has not asked about a task is told of its end."""
_FOR_EVER = 1e9


def manner_of(tool: Any) -> Manner | None:
    """Return how the tasks of a tool are told of; None for a tool that needs none."""
    return _TOOLS.get(tool)


def _offer(supports: dict[str, str | None], tasks: Message) -> Offer:
    tools = tuple(
        {"name": name, "inputSchema": EMPTY_SCHEMA}
        | ({} if support is None else {"execution": {"taskSupport": support}})
        for name, support in supports.items()
    )
    return Offer((tools,), capabilities={**CAPABILITIES, "tasks": tasks})


@dataclass(slots=True)
class _Tasks:
    """The tasks of one server. `elsewhere`: what they ask goes over the stream that the client opened by GET."""

    scene: Scene
    elsewhere: bool = False
    made: list[Made] = field(default_factory=list)
    due: list[Message] = field(default_factory=list)

    def reply(self, turn: Turn) -> Reply | None:
        """Answer what is about tasks."""
        answer = {
            "tools/call": self._call,
            "tasks/get": self._get,
            "tasks/result": self._result,
            "tasks/cancel": self._cancel,
            "tasks/list": self._list,
        }.get(turn.method)
        return answer(turn) if answer is not None and turn.is_request else None

    def _of(self, turn: Turn) -> Made | None:
        return next((made for made in self.made if made.id == turn.params.get("taskId")), None)

    def listen(self, _: Turn) -> Reply:
        """Open the stream for what belongs to no request."""
        if self.elsewhere:
            steps: tuple[Step, ...] = (Wait(lambda: bool(self.due), _FOR_EVER), Later(lambda: self.due))
            return Reply(200, before=(*steps, Wait(seconds=_FOR_EVER)), awaits=False, streams=True)
        steps = (Wait(lambda: self._quiet is not None, _FOR_EVER), *self._wakes())
        return Reply(200, before=(*steps, Wait(seconds=_FOR_EVER)), awaits=False, streams=True)

    def _call(self, turn: Turn) -> Reply | None:
        name, wished = str(turn.params.get("name")), "task" in turn.params
        manner = _TOOLS.get(name)
        if manner is not None and not wished:
            return turn.error(-32601, f"{name} runs only as a task")
        if not wished or _SUPPORTS.get(name) is None:
            return turn.error(-32601, f"{name} does not run as a task") if wished else None
        made = Made(f"{name}-{len(self.made)}-c2VjcmV0IG9mIG5vYm9keQ", manner or Manner.TELLS, turn.message)
        self.made.append(made)
        created = turn.result({"task": made.wire()})
        if manner is Manner.TELLS:
            return replace(created, after=(_status(made.wire()),))
        if manner is Manner.QUIET and self.scene.transport == "stdio":
            return replace(created, after=self._wakes())
        return created

    @property
    def _quiet(self) -> Made | None:
        return next((made for made in self.made if made.manner is Manner.QUIET), None)

    def _wakes(self) -> tuple[Step, ...]:
        """Tell of the end of the quiet task, if nobody has asked about it for a while."""

        def noticed() -> bool:
            return self._quiet is not None and self._quiet.noticed

        def word() -> list[Message]:
            if self._quiet is None or noticed():
                return []
            self._quiet.status = "completed"
            return [_status({**self._quiet.wire(), "statusMessage": WOKEN})]

        return Wait(noticed, _WITHOUT_A_WORD), Later(word)

    def _get(self, turn: Turn) -> Reply:
        made = self._of(turn)
        return _unknown(turn) if made is None else turn.result(made.look())

    def _cancel(self, turn: Turn) -> Reply:
        made = self._of(turn)
        if made is None:
            return _unknown(turn)
        made.cancelled = True
        if made.status in TERMINAL:
            return turn.error(-32602, f"The task is {made.status} already")
        made.status = "cancelled"
        return turn.result(made.wire())

    def _result(self, turn: Turn) -> Reply:
        made = self._of(turn)
        if made is None:
            return _unknown(turn)
        made.fetched = True
        if made.status == "cancelled":
            return turn.error(-32603, "The task was cancelled")
        asks = made.status == "input_required" and "elicitation" in self.scene.conversation.capabilities
        # The work is settled in no time: whoever asks for the result waits for the answer to the question alone.
        made.status = "completed"
        related = {RELATED_TASK: {"taskId": made.id}}
        reply = turn.result({"content": [{"type": "text", "text": "done"}], "_meta": related})
        if not asks:
            return reply
        question = _question(f"{QUESTION}-{made.id}", related)
        if not self.elsewhere:
            return replace(reply, before=(question,))
        self.due.append(question)
        return replace(reply, before=(Wait(lambda: self.scene.answered(question["id"])),), awaits=False)

    def _list(self, turn: Turn) -> Reply:
        pages = dict(zip((None, *CURSORS), (*CURSORS, None), strict=True))
        cursor = turn.params.get("cursor")
        if not isinstance(cursor, str | None) or cursor not in pages:
            return turn.error(-32602, "There is no such cursor")
        tasks = [made.wire() for made in self.made] if cursor is None else []
        return turn.result({"tasks": tasks} | ({"nextCursor": pages[cursor]} if pages[cursor] is not None else {}))


def _unknown(turn: Turn) -> Reply:
    return turn.error(-32602, "There is no such task")


def _status(task: Message) -> Message:
    return {"jsonrpc": "2.0", "method": "notifications/tasks/status", "params": task}


def _question(identifier: str, related: Message) -> Message:
    form = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    params = {"message": "What is your name?", "requestedSchema": form, "_meta": related}
    return {"jsonrpc": "2.0", "id": identifier, "method": "elicitation/create", "params": params}


def _binds(revision: Revision) -> bool:
    return revision.tasks


def _called(scene: Scene) -> Behaviour:
    tasks = _Tasks(scene)
    return Behaviour(reply=tasks.reply, listen=tasks.listen, offer=lambda _: _offer(_SUPPORTS, _TASKS))


def _elsewhere(scene: Scene) -> Behaviour:
    tasks = _Tasks(scene, elsewhere=True)
    return Behaviour(reply=tasks.reply, listen=tasks.listen, offer=lambda _: _offer(_SUPPORTS, _TASKS))


def _claimed(_: Scene) -> Behaviour:
    return Behaviour(offer=lambda _: _offer(_CLAIMS, {"list": {}, "cancel": {}}))


def _no_stream(called: Sequence[Conversation]) -> str | None:
    """Say why a question on the stream of GET would be pointless, from what was said where it came elsewhere."""
    for conversation in called:
        gets = [entry for entry in conversation.received() if entry.head and entry.head.start.startswith("GET ")]
        asked = any(
            entry.direction is Direction.SENT and entry.is_request() and str(entry.value["id"]).startswith(QUESTION)
            for entry in conversation.entries
        )
        if gets and asked:
            return None
    return "the client opens no stream by GET, or runs no tool as a task that asks"


CALLED = Scenario(
    "tasks-called",
    "has tools that run only as tasks, one that can, and one that cannot; a task asks for input where the client can"
    " give it",
    _called,
    binds=_binds,
)
CLAIMED = Scenario(
    "tasks-claimed",
    "has tools that claim to run as tasks, and declares tasks for no request",
    _claimed,
    binds=_binds,
)
ELSEWHERE = Scenario(
    "tasks-elsewhere",
    "asks what a task needs on the stream that the client opened by GET",
    _elsewhere,
    binds=_binds,
    transports=("http",),
    needs=_no_stream,
    probe="tasks-called",
)
