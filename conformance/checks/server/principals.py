"""Checks with two principals: what one was given is none of the other's (tasks in both designs, states of rounds)."""

from __future__ import annotations

from conformance.calling import succeeded
from conformance.check import check
from conformance.checks.server.mrtr import DECLARED, answered, questions, retry_params
from conformance.checks.task_runs import DECLARED as AS_TASK
from conformance.checks.task_runs import FINAL, TaskRun, begin, poll, runs
from conformance.expect import Blocked, Mismatch, brief
from conformance.identities import need_second
from conformance.peer import Peer
from conformance.surface import ToolCall, lasting

_PAGES = 20
_SECONDS = 1.0
"""How long a task lasts that another is to cancel."""


@check("tasks.principal", "tasks.access.foreign", "tasks.access.bound")
async def foreign_task(peer: Peer) -> None:
    """A task of one principal is neither told nor handed out to another."""
    async with need_second(peer) as other:
        run = await _completed(peer)
        for method in ("tasks/get", "tasks/result"):
            answer = await other.request(method, {"taskId": run.id})
            if answer.error is None:
                raise _seen(other, f"an error for {method} of another principal's task", answer.describe())
        await _need_found(peer, run)


@check("tasks.principal.cancel", "tasks.access.foreign", "tasks.access.bound")
async def foreign_cancellation(peer: Peer) -> None:
    """A task of one principal is not cancelled by another."""
    async with need_second(peer) as other:
        run = await begin(peer, await _lasting(peer))
        answer = await other.request("tasks/cancel", {"taskId": run.id})
        if answer.error is None:
            raise _seen(other, "an error for tasks/cancel of another principal's task", answer.describe())
        after = (await poll(peer, run)).result
        if not isinstance(after, dict) or after.get("status") in FINAL:
            raise Blocked(f"the task of {run.name} was over before another could cancel it")


@check("tasks.principal.list", "tasks.access.list")
async def foreign_list(peer: Peer) -> None:
    """The list of tasks of one principal holds no task of another."""
    async with need_second(peer) as other:
        made = {run.id for run in await runs(peer)}
        cursor = None
        for _ in range(_PAGES):
            answer = await other.request("tasks/list", None if cursor is None else {"cursor": cursor})
            page = answer.result.get("tasks") if isinstance(answer.result, dict) else None
            if not isinstance(page, list):
                raise Blocked(f"tasks/list gave no list: {answer.describe()}")
            if seen := made & {str(task.get("taskId")) for task in page if isinstance(task, dict)}:
                raise _seen(other, "no task of another principal in tasks/list", brief(sorted(seen)))
            cursor = answer.result.get("nextCursor")
            if not isinstance(cursor, str):
                return


@check("tasks.extension.principal", "tasks.extension.access")
async def foreign_extension_task(peer: Peer) -> None:
    """A task of one principal is not told to another, though he knows its id."""
    async with need_second(peer) as other:
        run = await _completed(peer)
        # Whether an update or a cancellation was heeded its acknowledgement does not tell.
        answer = await other.request("tasks/get", {"taskId": run.id}, meta=AS_TASK)
        if answer.error is None:
            raise _seen(other, "an error for tasks/get of another principal's task", answer.describe())
        await _need_found(peer, run)


@check("mrtr.state.principal", "mrtr.state.principal")
async def foreign_state(peer: Peer) -> None:
    """A state that was given to one principal does not carry the call of another to its end."""
    async with need_second(peer) as other:
        async for call, asked in questions(peer):
            if isinstance(asked.result.get("requestState"), str) and succeeded(await answered(peer, call, asked)):
                break
        else:
            raise Blocked("no tool that asks with a requestState completes with the simplest answers")
        again = await peer.request("tools/call", call.params, meta=DECLARED)
        answer = await other.request("tools/call", retry_params(call, again), meta=DECLARED)
        if succeeded(answer):
            raise _seen(other, "an error, or the question again, for another principal's state", answer.describe())


async def _completed(peer: Peer) -> TaskRun:
    """Return a task of our own that came to a result. Raises `Blocked` if there is none."""
    run = next((run for run in await runs(peer) if run.end.get("status") == "completed"), None)
    if run is None:
        raise Blocked("no task could be followed to a result")
    return run


async def _lasting(peer: Peer) -> ToolCall:
    """Return a call that runs as a task for a moment. Raises `Blocked` if none is known."""
    known = [made for call in peer.surface.task_calls() if (made := lasting(call, _SECONDS)) is not None]
    seen = [run.call for run in await runs(peer) if len(run.polls) > 1 and "input_required" not in run.statuses]
    if not known and not seen:
        raise Blocked("every task is over too soon to be cancelled")
    return (known or seen)[0]


async def _need_found(peer: Peer, run: TaskRun) -> None:
    """Make sure that the task still exists. Raises `Blocked` if even its owner does not find it."""
    found = await peer.request("tasks/get", {"taskId": run.id}, meta=AS_TASK if peer.revision.modern else None)
    if found.error is not None:
        raise Blocked(f"the task has gone for its owner too: {found.describe()}")


def _seen(other: Peer, expected: str, actual: str) -> Mismatch:
    """Return a failure that points at what was answered last to the other principal."""
    last = [entry.index for entry in other.conversation.entries][-2:]
    mismatch = Mismatch(expected, actual, last)
    mismatch.seen = other.conversation
    return mismatch
