"""Checks of tasks at 2025-11-25 (`basic/utilities/tasks`): who may ask for one, how it begins, what is unknown.

A tool is called as a task only where it may be called at all. A target without such a tool leaves most of this blocked.
"""

from __future__ import annotations

import os
from typing import Any

from conformance.calling import tried
from conformance.capabilities import declares
from conformance.check import check
from conformance.checks.task_runs import TTL, TaskRun, authorized, begin, runs, runs_or_failure
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, expect_error
from conformance.guessing import FEW_BITS, guessable
from conformance.links import Answer
from conformance.peer import Peer
from conformance.surface import ToolCall, task_support
from conformance.twins import need_served
from reference_impl.protocol.tasks import RELATED_TASK

_INVALID_PARAMS, _METHOD_NOT_FOUND, _INVALID_REQUEST = -32602, -32601, -32600
_TOOLS_AS_TASKS = "tasks.requests.tools.call"
_NOBODYS = "touchstone-never-issued"
_TOO_LONG = 10**15
"""Milliseconds: more than 30 000 years."""
_LOST = 1.5
"""Seconds after which an answer is taken for lost whose like came at once."""
_SEVERAL = 3
"""Ids that have to be seen before anything is said about them."""


# Which tools ----------------------------------------------------------------------------------------


@check("tasks.ignored", "tasks.request.ignored")
async def ignored(peer: Peer) -> None:
    """Where tasks of tools are not declared, a call with a task member is answered like one without."""
    if declares(peer.capabilities, _TOOLS_AS_TASKS):
        raise Inapplicable("the target declares tasks of tools")
    call = peer.surface.need_call()
    plain = await tried(peer, call)
    if not isinstance(plain, Answer) or not isinstance(plain.result, dict):
        raise Blocked(f"a plain call of {call.tool['name']} gives no result")
    answer = await peer.request("tools/call", {**call.params, "task": {}})
    # One that makes a task of it is told of by the monitor of what was declared.
    if not isinstance(answer.result, dict):
        raise Mismatch(f"the result that {call.tool['name']} gives without a task member", answer.describe())


@check("tasks.tool.forbidden", "tasks.tool.forbidden-refused")
async def forbidden(peer: Peer) -> None:
    """A call as a task of a tool that does not run as one gets error -32601, where a plain call gives a result."""
    call = next((call for call in peer.surface.need_calls() if task_support(call.tool) in (None, "forbidden")), None)
    if call is None:
        raise Blocked("every tool that may be called runs as a task")
    plain = await tried(peer, call)
    if not isinstance(plain, Answer) or not isinstance(plain.result, dict):
        raise Blocked(f"a plain call of {call.tool['name']} gives no result")
    message = peer.message("tools/call", {**call.params, "task": {"ttl": TTL}})
    answer = await peer.call(message, defect="a task of a tool that forbids it")
    expect_error(answer, {_METHOD_NOT_FOUND}, f"a call as a task of {call.tool['name']}, which forbids it")


@check("tasks.tool.required", "tasks.tool.required-refused")
async def required(peer: Peer) -> None:
    """A plain call of a tool that runs only as a task gets error -32601."""
    call = next((call for call in peer.surface.task_calls() if task_support(call.tool) == "required"), None)
    if call is None:
        raise Blocked("no tool that may be called runs only as a task")
    # Where all tools are alike the page allows another code too (`#protocol-errors`).
    alike = all(task_support(tool) == "required" for tool in peer.surface.tools)
    codes = {_METHOD_NOT_FOUND} | ({_INVALID_REQUEST} if alike else set())
    answer = await peer.call(peer.message("tools/call", call.params), defect="no task where one is required")
    expect_error(answer, codes, f"a plain call of {call.tool['name']}, which requires a task")


# How it begins --------------------------------------------------------------------------------------


@check("tasks.create", "tasks.create.result")
async def create(peer: Peer) -> None:
    """A call as a task is answered with the task, and not with what the call is after."""
    found = await runs_or_failure(peer)
    if isinstance(found, Mismatch):
        raise found
    taken = [run for run in found if isinstance(run.answer.result, dict)]
    if not taken:
        raise Blocked(f"no call as a task was accepted: {found[0].answer.describe()}")
    for run in taken:
        if not isinstance(run.answer.result.get("task"), dict) or "content" in run.answer.result:
            wanted = f"a task, and no content, for a call as a task of {run.name}"
            raise Mismatch(wanted, run.answer.describe(), [run.answer.entry.index])


@check("tasks.id.receiver", "tasks.id.receiver")
async def receiver_names(peer: Peer) -> None:
    """A task is not called by an id that the request brought along."""
    brought = f"touchstone-{os.getpid()}-{peer.new_id()}"
    run = await begin(peer, await _quick(peer), {"ttl": TTL, "taskId": brought})
    if run.answer.error is not None and run.answer.code != _INVALID_PARAMS:
        raise Blocked(f"the call was refused: {run.answer.describe()}")
    if run.id == brought:
        raise Mismatch("an id of the target's own", run.answer.describe())


@check("tasks.ttl.limited", "tasks.ttl.limited")
async def limited(peer: Peer) -> None:
    """A lifetime beyond all reason is not granted."""
    run = await begin(peer, await _quick(peer), {"ttl": _TOO_LONG})
    if not run.id:
        raise Blocked(f"the call did not become a task: {run.answer.describe()}")
    told = run.task.get("ttl", 0)
    if told is None or (isinstance(told, int | float) and told >= _TOO_LONG):
        raise Mismatch(f"a ttl below the {_TOO_LONG} ms asked for", brief(run.task))


@check("tasks.id.unguessable", "tasks.id.unguessable", "tasks.extension.id.unguessable")
async def unguessable(peer: Peer) -> None:
    """Ids of tasks are too long to guess, and do not continue one another."""
    if authorized(peer):
        raise Inapplicable("the target knows its clients by their authorization")
    tasks = await runs(peer)
    ids = [run.id for run in tasks]
    while len(ids) < _SEVERAL and (more := (await begin(peer, tasks[0].call)).id):
        ids.append(more)
    if len(set(ids)) < _SEVERAL:
        raise Blocked("too few tasks were made to compare their ids")
    if guessable(ids):
        raise Mismatch(f"ids that differ in more than {FEW_BITS} bits", ", ".join(ids[:_SEVERAL]))


async def _quick(peer: Peer) -> ToolCall:
    """Return the call whose task was over first."""
    tasks = await runs(peer)
    return min(tasks, key=lambda run: len(run.polls)).call


# What is unknown ------------------------------------------------------------------------------------


async def _expect_unknown(peer: Peer, method: str) -> None:
    answer = await peer.request(method, {"taskId": _NOBODYS})
    expect_error(answer, {_INVALID_PARAMS}, f"{method} of a task that nobody made")


@check("tasks.unknown.get", "tasks.id.unknown")
async def unknown_get(peer: Peer) -> None:
    """tasks/get of an unknown task gets error -32602."""
    await _expect_unknown(peer, "tasks/get")


@check("tasks.unknown.result", "tasks.id.unknown")
async def unknown_result(peer: Peer) -> None:
    """tasks/result of an unknown task gets error -32602."""
    await _expect_unknown(peer, "tasks/result")


@check("tasks.unknown.cancel", "tasks.id.unknown")
async def unknown_cancel(peer: Peer) -> None:
    """tasks/cancel of an unknown task gets error -32602."""
    if not declares(peer.capabilities, "tasks.cancel"):
        raise Inapplicable("the target does not declare tasks.cancel")
    await _expect_unknown(peer, "tasks/cancel")


@check("tasks.list.cursor", "tasks.list.cursor-unknown")
async def unknown_cursor(peer: Peer) -> None:
    """tasks/list with a cursor that was never given out gets error -32602."""
    answer = await peer.request("tasks/list", {"cursor": _NOBODYS})
    expect_error(answer, {_INVALID_PARAMS}, "a cursor that was never given out")


# Which task -----------------------------------------------------------------------------------------


@check("tasks.parameter", "tasks.related.parameter-wins")
async def parameter_wins(peer: Peer) -> None:
    """tasks/get tells of the task in its parameter, whatever task its metadata names."""
    one, other = await _two(peer)
    meta: dict[str, Any] = {RELATED_TASK: {"taskId": other.id}}
    message = peer.message("tasks/get", {"taskId": one.id}, meta=meta)
    await need_served(peer, peer.message("tasks/get", {"taskId": one.id}))
    # The same request was answered at once, so that a short wait is enough for one that gets lost.
    answer = await peer.call(
        message, defect="metadata that name another task", timeout=min(_LOST, peer.patience.answer)
    )
    if not isinstance(answer.result, dict) or answer.result.get("taskId") != one.id:
        raise Mismatch(f"the task {one.id}", answer.describe())


async def _two(peer: Peer) -> tuple[TaskRun, TaskRun]:
    """Return two tasks that were just made: nobody need wait for the end of one. Raises `Blocked` if there are none."""
    calls = list(peer.surface.task_calls())[:_SEVERAL]
    made: list[TaskRun] = []
    try:
        for call in (*calls, *calls):
            made += [run] if (run := await begin(peer, call)).id else []
            if len(made) > 1:
                return made[0], made[1]
    except Mismatch as mismatch:
        raise Blocked(f"two tasks could not be made: {mismatch}") from None
    raise Blocked("no two calls became tasks")
