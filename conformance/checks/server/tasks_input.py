"""Checks of tasks that ask their requestor for something (2025-11-25 `basic/utilities/tasks#input-required-status`).

We pose as a client with elicitation and sampling, and call as tasks, one after the other, the tools that may ask. What
is asked meanwhile belongs to the task that is under way; it is answered once the task has been looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio

from conformance.answering import answer_to, related_to, with_relation
from conformance.check import check
from conformance.checks.task_runs import FINAL, TaskRun, begin, once, poll
from conformance.expect import Blocked, Mismatch, brief
from conformance.guise import Guise
from conformance.peer import Peer
from conformance.posing import likely_to_ask, posing
from conformance.surface import ToolCall, task_support
from conformance.transcript import Conversation

_CAPABILITIES: dict[str, Any] = {"elicitation": {"form": {}}, "sampling": {}}
_TRIES, _PLAIN = 6, 2
"""Tools that are called as tasks, and plainly."""
_PAUSE = 0.05
"""Seconds between two looks at a task that is to change."""


@dataclass(slots=True)
class _Dialogue:
    """A task that asked. `waiting` and `after` are the statuses that looks found before and after the answer."""

    run: TaskRun
    question: dict[str, Any]
    conversation: Conversation
    waiting: list[Any] = field(default_factory=list)
    after: list[Any] = field(default_factory=list)

    def wrong(self, expected: str, actual: str) -> Mismatch:
        """Return a failure that points at the question, and at the last look."""
        entries = [entry.index for entry in self.conversation.entries if entry.value is self.question]
        entries += [look.entry.index for look in self.run.polls[-1:]]
        mismatch = Mismatch(expected, actual, [self.run.answer.entry.index, *entries])
        mismatch.seen = self.conversation
        return mismatch


class _Asked:
    """Takes the questions of one task after the other, and answers each when told to go on."""

    def __init__(self) -> None:
        self.questions: list[dict[str, Any]] = []
        self.came = anyio.Event()
        self.go_on = anyio.Event()

    def next(self) -> None:
        """Get ready for the next task."""
        self.go_on.set()
        self.questions, self.came, self.go_on = [], anyio.Event(), anyio.Event()

    async def answer(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """Answer a question when that is due."""
        result = answer_to(request) if request["method"] != "roots/list" else None
        if result is None:
            return None
        self.questions.append(request)
        self.came.set()
        await self.go_on.wait()
        return {"result": with_relation(result, request)}


@check("tasks.input.related", "tasks.related.input")
async def related(peer: Peer) -> None:
    """What a task asks names that task in its metadata."""
    for talk in await _dialogues(peer):
        named = related_to(talk.question)
        if not isinstance(named, dict) or named.get("taskId") != talk.run.id:
            wanted = f"related-task with the taskId {talk.run.id} in what {talk.run.name} asks"
            raise talk.wrong(wanted, brief(talk.question))


@check("tasks.input.status", "tasks.input.status")
async def status(peer: Peer) -> None:
    """A task that waits for an answer is in the status input_required."""
    for talk in await _dialogues(peer):
        if "input_required" not in talk.waiting:
            wanted = f"input_required of the task of {talk.run.name}, whose question is not answered yet"
            raise talk.wrong(wanted, f"{len(talk.waiting)} looks: {brief(sorted(set(map(str, talk.waiting))))}")


@check("tasks.input.left", "tasks.input.left")
async def left(peer: Peer) -> None:
    """A task whose questions are answered is in the status input_required no more."""
    judged = 0
    for talk in await _dialogues(peer):
        if "input_required" in talk.waiting and talk.after:
            judged += 1
            if talk.after[-1] == "input_required":
                wanted = f"another status than input_required of the task of {talk.run.name}, which has its answer"
                raise talk.wrong(wanted, f"input_required at each of {len(talk.after)} looks")
    if not judged:
        raise Blocked("no task was in the status input_required while it waited for an answer")


async def _dialogues(peer: Peer) -> list[_Dialogue]:
    """Return the tasks that ask. Raises `Blocked` if there are none."""
    found = await once(peer, "tasks that ask", partial(_talk, peer))
    if isinstance(found, Mismatch):
        raise Blocked(f"the tools that may ask could not be tried: {found}")
    if not found:
        raise Blocked("no tool that may be called asks for something while it runs as a task")
    return found


async def _talk(peer: Peer) -> list[_Dialogue]:
    asked = _Asked()
    async with posing(peer, Guise(_CAPABILITIES, asked.answer)) as client:
        calls = likely_to_ask(client.surface.task_calls())
        found = [talk for call in calls[:_TRIES] if (talk := await _one(client, call, asked)) is not None]
        asked.next()
        asked.go_on.set()
        for call in _asking_plainly(client):
            # Whether such a tool asks for a task, which we do not declare, is for a monitor to see.
            with suppress(Mismatch):
                await client.request("tools/call", call.params)
    return found


def _asking_plainly(client: Peer) -> list[ToolCall]:
    calls = likely_to_ask(client.surface.calls())
    return [call for call in calls if task_support(call.tool) in (None, "forbidden")][:_PLAIN]


async def _one(client: Peer, call: ToolCall, asked: _Asked) -> _Dialogue | None:
    """Run a tool as a task, and look at it around its first question; None if it puts none."""
    asked.next()
    talk: _Dialogue | None = None

    async def early() -> None:
        # Who asks before there is a task gets an answer, or there never is one.
        if await _within(client.patience.answer / 4, asked.came) and not made.is_set():
            asked.go_on.set()

    made = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(early)
        run = await begin(client, call)
        made.set()
        tasks.cancel_scope.cancel()
    if not run.id or asked.questions:
        return None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_fetch, client, run)
        if await _asks(client, run, asked):
            talk = _Dialogue(run, asked.questions[0], client.conversation)
            talk.waiting = await _looks(client, run, lambda found: found == "input_required")
            asked.go_on.set()
            talk.after = await _looks(client, run, lambda found: found != "input_required")
        tasks.cancel_scope.cancel()
    return talk


async def _within(seconds: float, event: anyio.Event) -> bool:
    with anyio.move_on_after(seconds):
        await event.wait()
    return event.is_set()


async def _asks(client: Peer, run: TaskRun, asked: _Asked) -> bool:
    """Wait until a task asks or ends."""
    with anyio.move_on_after(client.patience.answer):
        while not asked.came.is_set() and not run.end:
            await poll(client, run)
            await _within(_PAUSE, asked.came)
    return asked.came.is_set()


async def _fetch(client: Peer, run: TaskRun) -> None:
    """Ask for the outcome, with which questions come. That it is not told others report."""
    with suppress(Mismatch):
        await client.request("tasks/result", {"taskId": run.id})


async def _looks(client: Peer, run: TaskRun, wanted: Callable[[Any], bool]) -> list[Any]:
    """Look at a task until it is in a status that is wanted or has ended; return the statuses that were found."""
    found: list[Any] = []
    with anyio.move_on_after(client.patience.answer):
        while not found or not (wanted(found[-1]) or found[-1] in FINAL):
            await anyio.sleep(_PAUSE if found else 0)
            look = await poll(client, run)
            found.append(look.result.get("status") if isinstance(look.result, dict) else None)
    return found
