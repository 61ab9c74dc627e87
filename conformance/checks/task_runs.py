"""Calls made as tasks and followed to their end, once a connection, however many checks want to see it.

At 2025-11-25 whoever calls asks for the task, and a tool says whether it can be one. At 2026-07-28 the server makes
tasks of what it likes once the request declares the extension, so that calls are tried.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import anyio

from conformance.expect import Blocked, Mismatch
from conformance.links import Answer, Silence
from conformance.peer import Peer
from conformance.surface import ToolCall, task_support
from conformance.target import HttpTarget
from conformance.together import together
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES
from reference_impl.protocol.methods import TASKS

__all__ = [
    "DECLARED",
    "FINAL",
    "TTL",
    "TaskRun",
    "authorized",
    "begin",
    "follow",
    "once",
    "poll",
    "runs",
    "runs_or_failure",
    "task_of",
]

FINAL = frozenset({"completed", "failed", "cancelled"})
DECLARED: dict[str, Any] = {
    CLIENT_CAPABILITIES: {"extensions": {TASKS: {}}, "elicitation": {"form": {}}},
}
"""The metadata with which we ask at 2026-07-28: for tasks, and for the questions that they may put."""
TTL = 60_000
"""The lifetime that we wish for a task, in milliseconds."""

_RUNS = 8
"""Tools that are tried as tasks."""
_WELL_KNOWN = frozenset(
    {"slow_compute", "failing_job", "protocol_error_job", "confirm_delete", "multi_input", "simulate-research-query"}
)
"""Names under which everything-servers offer tools that run as tasks, where nothing announces it."""
_FIRST_PAUSE, _USUAL_PAUSE, _LONGEST_PAUSE = 0.02, 1.0, 5.0
"""Seconds between two looks at a task: at first, later where nothing is suggested, and at most."""

Value = TypeVar("Value")


@dataclass(slots=True)
class TaskRun:
    """One call that was to become a task, and what was heard of it.

    `polls` are answers to `tasks/get`. At 2025-11-25 `early` came for a `tasks/result` sent right after the call, and
    `late` for one sent after the end.
    """

    call: ToolCall
    answer: Answer
    polls: list[Answer] = field(default_factory=list)
    early: Answer | Silence | None = None
    late: Answer | Silence | None = None

    @property
    def task(self) -> dict[str, Any]:
        """The task that was handed out; empty where there was none."""
        return task_of(self.answer)

    @property
    def id(self) -> str:
        """Its id; empty where there was none."""
        identifier = self.task.get("taskId")
        return identifier if isinstance(identifier, str) else ""

    @property
    def name(self) -> str:
        """The name of the tool."""
        return str(self.call.tool["name"])

    @property
    def statuses(self) -> list[Any]:
        """What each look at it told."""
        return [poll.result.get("status") for poll in self.polls if isinstance(poll.result, dict)]

    @property
    def end(self) -> dict[str, Any]:
        """The task as it was told last, if it had ended then; else empty."""
        last = self.polls[-1].result if self.polls else None
        return last if isinstance(last, dict) and last.get("status") in FINAL else {}


def task_of(answer: Answer) -> dict[str, Any]:
    """Return the task that an answer to a call hands out, in either era's way; empty where it hands out none."""
    result = answer.result
    if not isinstance(result, dict):
        return {}
    task = result.get("task") if "resultType" not in result else result
    handed_out = isinstance(task, dict) and result.get("resultType", "task") == "task"
    return task if handed_out and isinstance(task, dict) else {}


# What checks share ----------------------------------------------------------------------------------


async def once(peer: Peer, what: str, make: Callable[[], Awaitable[Value]]) -> Value | Mismatch:
    """Return what `make` gives, made by the first check that asks for `what`; the `Mismatch` that it raised, if so."""
    lock = peer.kept.setdefault(f"{what}, under way", anyio.Lock())
    async with lock:
        if what not in peer.kept:
            try:
                peer.kept[what] = await make()
            except Mismatch as mismatch:
                peer.kept[what] = mismatch
    found: Value | Mismatch = peer.kept[what]
    return found


async def runs_or_failure(peer: Peer) -> list[TaskRun] | Mismatch:
    """Call what may be called as a task, and follow each to its end. Raises `Blocked` if nothing may."""
    calls = _calls(peer)
    if not calls:
        raise Blocked("no tool that may be called runs as a task (readOnlyHint, or --allow NAME)")
    return await once(peer, "tasks", partial(_run_all, peer, calls))


async def runs(peer: Peer) -> list[TaskRun]:
    """Return the calls that became tasks. Raises `Blocked` if there are none."""
    found = await runs_or_failure(peer)
    if isinstance(found, Mismatch):
        raise Blocked(f"tasks could not be followed: {found}")
    tasks = [run for run in found if run.id]
    if not tasks:
        raise Blocked("no call became a task")
    return tasks


def _calls(peer: Peer) -> list[ToolCall]:
    surface = peer.surface
    if not peer.revision.modern:
        return list(surface.task_calls())[:_RUNS]
    calls = list(surface.calls())
    likely = [call for call in calls if call.tool["name"] in _WELL_KNOWN or task_support(call.tool) is not None]
    return (likely or [call for call in calls if not surface.is_slow(call)])[:_RUNS]


async def _run_all(peer: Peer, calls: Iterable[ToolCall]) -> list[TaskRun]:
    return await together(*(partial(_run, peer, call) for call in calls))


async def _run(peer: Peer, call: ToolCall) -> TaskRun:
    run = await begin(peer, call)
    if run.id:
        await follow(peer, run)
    return run


def authorized(peer: Peer) -> bool:
    """Whether we come with an authorization, to which a target can bind its tasks."""
    target = peer.bench.target if peer.bench is not None else None
    return isinstance(target, HttpTarget) and any(name.lower() == "authorization" for name in target.headers)


# One task -------------------------------------------------------------------------------------------


async def begin(peer: Peer, call: ToolCall, wish: dict[str, Any] | None = None) -> TaskRun:
    """Call a tool as a task; `wish` is the task member of 2025-11-25. Raises `Silence` or `Gone`."""
    if peer.revision.modern:
        return TaskRun(call, await peer.request("tools/call", call.params, meta=DECLARED))
    params = {**call.params, "task": wish or {"ttl": TTL}}
    return TaskRun(call, await peer.request("tools/call", params, meta={"progressToken": peer.new_id()}))


async def poll(peer: Peer, run: TaskRun) -> Answer:
    """Look at a task, and note what was seen."""
    answer = await peer.request("tasks/get", {"taskId": run.id}, meta=DECLARED if peer.revision.modern else None)
    run.polls.append(answer)
    return answer


async def follow(peer: Peer, run: TaskRun) -> None:
    """Look at a task until it has ended, or waits for input that only 2026-07-28 would take here; within one deadline
    of an answer. Raises `Gone`, or `Silence` where a look is not answered."""
    over = anyio.Event()
    if peer.revision.modern:
        with anyio.move_on_after(peer.patience.answer):
            await _watch(peer, run, over)
        return
    await together(partial(_wait, peer, run, over), partial(_until_end, peer, run, over))
    if run.end:
        run.late = await _outcome(peer, run)


async def _until_end(peer: Peer, run: TaskRun, over: anyio.Event) -> None:
    with anyio.move_on_after(peer.patience.answer):
        await _watch(peer, run, over)


async def _wait(peer: Peer, run: TaskRun, over: anyio.Event) -> None:
    try:
        run.early = await _outcome(peer, run)
    finally:
        over.set()


async def _outcome(peer: Peer, run: TaskRun) -> Answer | Silence:
    try:
        return await peer.request("tasks/result", {"taskId": run.id})
    except Silence as silence:
        return silence


async def _watch(peer: Peer, run: TaskRun, over: anyio.Event) -> None:
    pause, longest = _FIRST_PAUSE, _suggested(run.task)
    refused = 0
    while True:
        told_over = over.is_set()
        result = (await poll(peer, run)).result
        if not isinstance(result, dict):
            refused += 1
            pause = longest
        elif result.get("status") in FINAL or (peer.revision.modern and result.get("status") == "input_required"):
            return
        if refused > 1:
            return
        if told_over:
            await anyio.sleep(pause)
        else:
            with anyio.move_on_after(pause):
                await over.wait()
        # At first more often than suggested, so that a short task costs little; a target may refuse that.
        pause = min(2 * pause, longest)


def _suggested(task: dict[str, Any]) -> float:
    """Return the seconds between two looks that the target suggests."""
    told = task.get("pollInterval", task.get("pollIntervalMs"))
    if not isinstance(told, int | float) or isinstance(told, bool) or told <= 0:
        return _USUAL_PAUSE
    return min(told / 1000, _LONGEST_PAUSE)
