"""Checks of tasks at 2025-11-25 (`basic/utilities/tasks`): their outcome, their cancellation, their list.

Most read what the shared runs have heard. An outcome is held against that of plain calls of the same tool, made twice,
and only in what those two agree on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from conformance.calling import succeeded, tried
from conformance.check import check
from conformance.checks.fences import request_of
from conformance.checks.task_runs import FINAL, TaskRun, authorized, begin, follow, poll, runs
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, expect_error
from conformance.links import Answer
from conformance.peer import Peer
from conformance.surface import ToolCall, lasting, task_support
from conformance.twins import need_another

_INVALID_PARAMS = -32602
_BRIEF, _LONG = 0.3, 1.2
"""Seconds that a slow task takes, and one that is tried where the other was too brief to tell."""
_FAILS, _COMES_TO_AN_ERROR = "failing_job", "protocol_error_job"
"""Names under which everything-servers offer such tools."""
_PAGES = 20
_AHEAD = 2
"""Tools that run as tasks, up to which each is called before it is known which of them is slow."""
_LOOKS = 4
"""Looks at a task after which it has taken longer than a request and its answer do."""


# The outcome ----------------------------------------------------------------------------------------


@check("tasks.result", "tasks.result.final")
async def result(peer: Peer) -> None:
    """tasks/result of a task that completed gives what a plain call gives."""
    judged = 0
    async for run, plain in _with_twins(peer):
        if not succeeded(plain) or not isinstance(run.late, Answer) or not isinstance(run.late.result, dict):
            continue
        judged += 1
        if await _departs(peer, run) and await _departs(peer, await _again(peer, run)):
            raise Mismatch(f"the result of a plain call of {run.name}: {plain.describe()}", run.late.describe())
    if not judged:
        raise Blocked("no task of a tool that can be called plainly as well came to a result")


async def _again(peer: Peer, run: TaskRun) -> TaskRun:
    """Make the task again: what a tool says may change with time."""
    again = await begin(peer, run.call)
    if again.id:
        await follow(peer, again)
    return again


async def _departs(peer: Peer, run: TaskRun) -> bool:
    """Whether an outcome differs from two plain calls in what those have in common."""
    if not isinstance(run.late, Answer) or not isinstance(run.late.result, dict):
        return False
    first, second = [(await peer.request("tools/call", run.call.params)).result for _ in range(2)]
    if not isinstance(first, dict) or not isinstance(second, dict):
        return False
    steady = {name: value for name, value in first.items() if name != "_meta" and second.get(name) == value}
    return any(run.late.result.get(name) != value for name, value in steady.items())


@check("tasks.result.kind", "tasks.result.success")
async def result_stays_result(peer: Peer) -> None:
    """A task whose call comes to a result, be it one with isError, hands out a result and no error."""
    judged = 0
    async for run, plain in _with_twins(peer):
        if isinstance(plain.result, dict) and "input_required" not in run.statuses:
            judged += _expect_kind(run, "result")
    for run in await _named(peer, _FAILS):
        judged += _expect_kind(run, "result")
    if not judged:
        raise Blocked("no task ended of a tool that is known to come to a result")


@check("tasks.result.error", "tasks.result.error")
async def error_stays_error(peer: Peer) -> None:
    """A task whose call comes to a JSON-RPC error hands out that error."""
    judged = 0
    async for run, plain in _with_twins(peer):
        if plain.error is not None:
            judged += _expect_kind(run, "error", plain.code)
    for run in await _named(peer, _COMES_TO_AN_ERROR):
        judged += _expect_kind(run, "error")
    if not judged:
        raise Blocked(f"no tool that runs as a task is known to come to an error (a name such as {_COMES_TO_AN_ERROR})")


def _expect_kind(run: TaskRun, kind: str, code: Any = None) -> int:
    """Raise `Mismatch` unless a task hands out a "result" or an "error", with that code; 1 if it could be judged."""
    if not isinstance(run.late, Answer) or run.end.get("status") not in ("completed", "failed"):
        return 0
    held = run.late.result if kind == "result" else run.late.error
    if held is None or (code is not None and run.late.code != code):
        wanted = f"the {kind} that {run.name} comes to{'' if code is None else f', code {code},'}"
        raise Mismatch(f"{wanted} from tasks/result", run.late.describe(), [run.late.entry.index])
    return 1


async def _named(peer: Peer, name: str) -> list[TaskRun]:
    return [run for run in await runs(peer) if run.name == name]


async def _with_twins(peer: Peer) -> AsyncIterator[tuple[TaskRun, Answer]]:
    """Each task that has ended of a tool that can be called plainly too, with the answer to that."""
    for run in await runs(peer):
        if run.end and task_support(run.call.tool) == "optional":
            plain = await tried(peer, run.call)
            if isinstance(plain, Answer):
                yield run, plain


@check("tasks.failed", "tasks.failed.message")
async def failed_message(peer: Peer) -> None:
    """A task that failed says why."""
    failed = [run for run in await runs(peer) if run.end.get("status") == "failed"]
    if not failed:
        raise Blocked("no task failed")
    for run in failed:
        told = run.end.get("statusMessage")
        if not isinstance(told, str) or not told.strip():
            raise Mismatch(f"a statusMessage of the failed task of {run.name}", brief(run.end))


@check("tasks.result.waits", "tasks.result.waits")
async def waits(peer: Peer) -> None:
    """tasks/result of a task that goes on is answered once the task has ended, and then like one asked later."""
    judged = [_expect_patience(peer, run) for run in await runs(peer)]
    if any(judged):
        return
    # Whether the first look comes before the end of a brief task is chance; one that can be told to last is waited for.
    for seconds in (_BRIEF, _LONG):
        call = next(filter(None, (lasting(call, seconds) for call in peer.surface.task_calls())), None)
        run = await begin(peer, call) if call is not None else None
        if run is None or not run.id:
            break
        await follow(peer, run)
        if _expect_patience(peer, run):
            return
    raise Blocked("every task was over too soon to be waited for")


def _expect_patience(peer: Peer, run: TaskRun) -> bool:
    """Return whether a task was seen to go on, and to end. Raises `Mismatch` if its result did not wait for that."""
    if run.early is None or not run.polls:
        return False
    wanted = f"no answer to tasks/result before the task of {run.name} has ended"
    if isinstance(run.early, Answer):
        came = run.early.entry.index
        later = [look for look in run.polls if request_of(peer, look.id).index > came]
        unfinished = [look for look in later if isinstance(look.result, dict) and look.result["status"] not in FINAL]
        if unfinished:
            raise Mismatch(wanted, f"{run.early.describe()}, and then a task that is {unfinished[0].result['status']}")
        late = run.late.result if isinstance(run.late, Answer) else None
        if late is not None and run.early.result is None:
            raise Mismatch(wanted, f"{run.early.describe()}, where the same request gives a result later", [came])
    elif run.end and isinstance(run.late, Answer):
        raise Mismatch("an answer to tasks/result once the task has ended", "silence")
    return any(status not in FINAL for status in run.statuses) and bool(run.end)


# A slow task ----------------------------------------------------------------------------------------


@check("tasks.create.at-once", "tasks.create.at-once")
async def at_once(peer: Peer) -> None:
    """The answer that tells of a task does not wait for the work."""
    took = 0.0
    for seconds in (_BRIEF, _LONG):
        run = await begin(peer, await _slow(peer, seconds))
        first = (await poll(peer, run)).result if run.id else None
        if not isinstance(first, dict):
            raise Blocked(f"a slow call did not become a task: {run.answer.describe()}")
        if first.get("status") not in FINAL:
            return
        took = run.answer.entry.at - request_of(peer, run.answer.id).at
    if took < _LONG:
        raise Blocked(f"a task of {run.name} is over too soon")
    wanted = f"a task of {run.name} that goes on when it is first asked about"
    raise Mismatch(wanted, f"{brief(first)} after {took:.1f} s", [run.answer.entry.index])


@check("tasks.cancel", "tasks.cancel.before-answer")
async def cancelled_at_once(peer: Peer) -> None:
    """A task is cancelled when tasks/cancel is answered, says that answer, and stays so when its work would be over."""
    ahead = await _all_cancelled(peer)
    for seconds in (_BRIEF, _LONG):
        call = await _slow(peer, seconds)
        trial = ahead.get(call.tool["name"]) or await _cancelled(peer, call)
        if trial.status not in ("completed", "failed") or trial.told == "cancelled":
            break
    else:
        raise Blocked(f"a task of {trial.run.name} is over too soon to be cancelled")
    trial.expect_cancelled()
    # A twin that began later: when it is over, the cancelled one would be. What a look tells then is the monitor's.
    if trial.twin.id:
        await follow(peer, trial.twin)
    await poll(peer, trial.run)


@dataclass(frozen=True, slots=True)
class _Cancelled:
    """A task, the answer to its cancellation, and to a look right after it; and a twin that was begun then."""

    run: TaskRun
    answer: Answer
    after: Answer
    twin: TaskRun

    @property
    def told(self) -> Any:
        return self.answer.result.get("status") if isinstance(self.answer.result, dict) else None

    @property
    def status(self) -> Any:
        return self.after.result.get("status") if isinstance(self.after.result, dict) else None

    def expect_cancelled(self) -> None:
        """Raise `Mismatch` unless both answers tell of a cancelled task."""
        if self.told != "cancelled":
            wanted = f"the cancelled task of {self.run.name} for tasks/cancel"
            raise Mismatch(wanted, self.answer.describe(), [self.answer.entry.index])
        gone = self.after.code == _INVALID_PARAMS
        if self.status not in (*FINAL, None) or (self.status is None and not gone):
            wanted = "a cancelled task after the answer to tasks/cancel"
            raise Mismatch(wanted, self.after.describe(), [self.after.entry.index])


async def _cancelled(peer: Peer, call: ToolCall) -> _Cancelled:
    """Make a task of a call, cancel it, and make its twin. Raises `Blocked` if it does not become a task."""
    run = await begin(peer, call)
    if not run.id:
        raise Blocked(f"a slow call did not become a task: {run.answer.describe()}")
    answer = await peer.request("tasks/cancel", {"taskId": run.id})
    return _Cancelled(run, answer, await poll(peer, run), await begin(peer, call))


async def _all_cancelled(peer: Peer) -> dict[str, _Cancelled]:
    """Cancel a task of each tool, by name, where only the end of other tasks will tell which one is slow.

    So their twins are over by then, and nobody waits for a slow task twice.
    """
    calls = list(peer.surface.task_calls())
    if len(calls) > _AHEAD or any(lasting(call, _LONG) is not None for call in calls):
        return {}
    trials: dict[str, _Cancelled] = {}
    for call in calls:
        with suppress(Mismatch, Blocked):
            trials[call.tool["name"]] = await _cancelled(peer, call)
    return trials


@check("tasks.cancel.ended", "tasks.cancel.ended")
async def cancel_ended(peer: Peer) -> None:
    """tasks/cancel of a task that has ended gets error -32602."""
    ended = next((run for run in await runs(peer) if run.end), None)
    if ended is None:
        raise Blocked("no task could be followed to its end")
    answer = await peer.request("tasks/cancel", {"taskId": ended.id})
    expect_error(answer, {_INVALID_PARAMS}, f"tasks/cancel of a task that is {ended.end['status']}")


async def _slow(peer: Peer, seconds: float) -> ToolCall:
    """Return a call that lasts about that long as a task, or one that was seen to take its time. Raises `Blocked`."""
    for call in peer.surface.task_calls():
        if (made := lasting(call, seconds)) is not None:
            return made
    seen = [
        run for run in await runs(peer) if run.end and len(run.polls) > _LOOKS and "input_required" not in run.statuses
    ]
    if seen:
        return max(seen, key=lambda run: len(run.polls)).call
    raise Blocked("no tool that runs as a task is known to be slow (a name such as slow, an argument seconds)")


# The list -------------------------------------------------------------------------------------------


@check("tasks.list.complete", "tasks.list.complete", "tasks.list.next-cursor")
async def complete(peer: Peer) -> None:
    """Every task that tasks/get finds stands on a page of tasks/list."""
    made = [run.id for run in await runs(peer)]
    listed = await _listed(peer)
    for identifier in made:
        if identifier not in listed:
            found = await peer.request("tasks/get", {"taskId": identifier})
            if isinstance(found.result, dict):
                raise Mismatch(f"the task {identifier} in tasks/list", f"{len(listed)} others: {brief(listed)}")


@check("tasks.list.strangers", "tasks.access.anonymous-list")
async def strangers(peer: Peer) -> None:
    """Without authorization tasks/list shows nobody another client's tasks."""
    if not peer.over_http:
        raise Inapplicable("each connection is a process of its own")
    if authorized(peer):
        raise Inapplicable("both clients come with the same authorization")
    made = {run.id for run in await runs(peer)}
    async with need_another(peer) as stranger:
        seen = made & set(await _listed(stranger))
    if seen:
        raise Mismatch("no task of another client in tasks/list", brief(sorted(seen)))


async def _listed(peer: Peer) -> list[str]:
    """Return the ids of all pages. Raises `Blocked` if they cannot be read."""
    found: list[str] = []
    cursor = None
    for _ in range(_PAGES):
        answer = await peer.request("tasks/list", None if cursor is None else {"cursor": cursor})
        page = answer.result.get("tasks") if isinstance(answer.result, dict) else None
        if not isinstance(page, list):
            raise Blocked(f"tasks/list gave no list: {answer.describe()}")
        found += [str(task.get("taskId")) for task in page if isinstance(task, dict)]
        cursor = answer.result.get("nextCursor")
        if not isinstance(cursor, str):
            return found
    raise Blocked(f"tasks/list goes on after {_PAGES} pages")
