"""Checks of the tasks extension of 2026-07-28 (`extensions/tasks`): declarations, unknown tasks, and what a task tells.

The server decides what becomes a task, so that the tools that may be called are called with the extension declared, and
those that come back as tasks are followed.
"""

from __future__ import annotations

from typing import Any

from conformance.calling import tried
from conformance.check import check
from conformance.checks.task_runs import DECLARED, TaskRun, begin, once, runs, task_of
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, expect_error
from conformance.links import Answer
from conformance.peer import Peer
from conformance.surface import ToolCall, task_support
from conformance.twins import need_another
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES
from reference_impl.protocol.methods import TASKS

_INVALID_PARAMS, _METHOD_NOT_FOUND, _MISSING_CAPABILITY = -32602, -32601, -32021
_NOBODYS = "touchstone-never-issued"
_FAILS, _COMES_TO_AN_ERROR = "failing_job", "protocol_error_job"
"""Names under which everything-servers offer such tools."""
_ASKABLE: dict[str, Any] = {CLIENT_CAPABILITIES: {"elicitation": {"form": {}}}}
_OLD_CAPABILITY: dict[str, Any] = {
    CLIENT_CAPABILITIES: {"tasks": {"requests": {"elicitation": {"create": {}}}}, "elicitation": {"form": {}}}
}
"""What a client of 2025-11-25 declares of tasks, in the metadata of a request."""


def _about(method: str, identifier: str) -> dict[str, Any]:
    return {"taskId": identifier} | ({"inputResponses": {}} if method == "tasks/update" else {})


# What is unknown ------------------------------------------------------------------------------------


@check("tasks.extension.unknown.get", "tasks.extension.unknown.get")
async def unknown_get(peer: Peer) -> None:
    """tasks/get of an unknown task gets error -32602."""
    answer = await peer.request("tasks/get", _about("tasks/get", _NOBODYS), meta=DECLARED)
    expect_error(answer, {_INVALID_PARAMS}, "tasks/get of a task that nobody made")


@check("tasks.extension.unknown.update", "tasks.extension.unknown.refused", "tasks.extension.unknown.code")
async def unknown_update(peer: Peer) -> None:
    """tasks/update of an unknown task gets error -32602."""
    await _expect_refused(peer, "tasks/update")


@check("tasks.extension.unknown.cancel", "tasks.extension.unknown.refused", "tasks.extension.unknown.code")
async def unknown_cancel(peer: Peer) -> None:
    """tasks/cancel of an unknown task gets error -32602."""
    await _expect_refused(peer, "tasks/cancel")


async def _expect_refused(peer: Peer, method: str) -> None:
    answer = await peer.request(method, _about(method, _NOBODYS), meta=DECLARED)
    try:
        expect_error(answer, {_INVALID_PARAMS}, f"{method} of a task that nobody made")
    except Mismatch as mismatch:
        refused = answer.error is not None
        mismatch.breaks = "tasks.extension.unknown.code" if refused else "tasks.extension.unknown.refused"
        raise


# Declared or not ------------------------------------------------------------------------------------


@check("tasks.extension.undeclared.methods", "tasks.extension.capability.methods")
async def undeclared_methods(peer: Peer) -> None:
    """tasks/get, tasks/update and tasks/cancel of a client that does not declare the extension get error -32021."""
    made = await _made(peer)
    # Which error wins for a task that does not exist either, nobody says.
    codes = {_MISSING_CAPABILITY} if made else {_MISSING_CAPABILITY, _INVALID_PARAMS}
    for method in ("tasks/get", "tasks/update", "tasks/cancel"):
        message = peer.message(method, _about(method, made or _NOBODYS))
        answer = await peer.call(message, defect="the extension is not declared")
        expect_error(answer, codes, f"{method} of a client that does not declare the extension")


async def _made(peer: Peer) -> str:
    """Return the id of a task that still can be found; empty where there is none."""
    try:
        tasks = await runs(peer)
    except Blocked:
        return ""
    return next((run.id for run in tasks if run.end), "")


@check("tasks.extension.needed", "tasks.extension.capability.needed")
async def needed(peer: Peer) -> None:
    """What can be done only as a task gets error -32021 for a client that does not declare the extension."""
    judged = 0
    for run in await runs(peer):
        plain = await _plainly(peer, run)
        result = run.end.get("result")
        if plain is None or not isinstance(result, dict) or result.get("isError"):
            continue
        judged += 1
        if plain.error is not None and plain.code != _MISSING_CAPABILITY:
            wanted = f"a result of {run.name}, which runs as a task too, or error {_MISSING_CAPABILITY}"
            raise Mismatch(wanted, plain.describe(), [plain.entry.index])
    if not judged:
        raise Blocked("no task came to a result without isError")


def _own_error(run: TaskRun) -> Any:
    error = run.end.get("error")
    return error.get("code") if isinstance(error, dict) else None


@check("tasks.extension.old-capability", "tasks.extension.legacy.capability")
async def old_capability(peer: Peer) -> None:
    """A client that declares the tasks capability of 2025-11-25 alone gets no task."""
    for run in await runs(peer):
        message = peer.message("tools/call", run.call.params, meta=_OLD_CAPABILITY)
        answer = await peer.call(message, defect="the capability of the experimental tasks alone")
        if task_of(answer):
            raise Mismatch(f"no task of {run.name}", answer.describe(), [answer.entry.index])


@check("tasks.extension.old-parameter", "tasks.extension.legacy.parameter")
async def old_parameter(peer: Peer) -> None:
    """A call with a task member, as 2025-11-25 has it, is answered like one without."""
    call = peer.surface.need_call()
    plain = await tried(peer, call)
    if not isinstance(plain, Answer) or not isinstance(plain.result, dict):
        raise Blocked(f"a plain call of {call.tool['name']} gives no result")
    message = peer.message("tools/call", {**call.params, "task": {"ttl": 60_000}})
    answer = await peer.call(message, defect="a task member")
    if not isinstance(answer.result, dict) or task_of(answer) or "task" in answer.result:
        raise Mismatch(f"the result that {call.tool['name']} gives without a task member", answer.describe())


@check("tasks.extension.old-method", "tasks.extension.legacy.result-method")
async def old_method(peer: Peer) -> None:
    """tasks/result is an unknown method."""
    answer = await peer.request("tasks/result", {"taskId": await _made(peer) or _NOBODYS}, meta=DECLARED)
    expect_error(answer, {_METHOD_NOT_FOUND}, "tasks/result, which only the experimental tasks have")


@check("tasks.extension.withdrawn", "tasks.extension.legacy.withdrawn")
async def withdrawn(peer: Peer) -> None:
    """The tasks capability of 2025-11-25 is not declared."""
    if "tasks" in peer.capabilities:
        raise Mismatch("no tasks among the capabilities", brief(peer.capabilities))


@check("tasks.extension.undeclared.server", "tasks.extension.legacy.declared")
async def undeclared_server(peer: Peer) -> None:
    """A server that does not declare the extension makes no task, even for a client that does."""
    extensions = peer.capabilities.get("extensions")
    if isinstance(extensions, dict) and TASKS in extensions:
        raise Inapplicable("the target declares the extension")
    calls = [call for call in peer.surface.calls() if _likely(call)]
    if not calls:
        raise Blocked("no tool that may be called looks as if it ran as a task")
    for call in calls:
        message = peer.message("tools/call", call.params, meta=DECLARED)
        answer = await peer.call(message, defect="an extension that the target does not declare")
        if task_of(answer):
            raise Mismatch(f"no task of {call.tool['name']}", answer.describe(), [answer.entry.index])


def _likely(call: ToolCall) -> bool:
    return call.tool["name"] == "slow_compute" or task_support(call.tool) in ("optional", "required")


# What a task tells ----------------------------------------------------------------------------------


@check("tasks.extension.durable", "tasks.extension.create.durable")
async def durable(peer: Peer) -> None:
    """A task can be asked about as soon as it is handed out."""
    for run in await runs(peer):
        if run.polls and run.polls[0].code == _INVALID_PARAMS:
            raise Mismatch(f"the task of {run.name}, which was just made", run.polls[0].describe())


@check("tasks.extension.consistent", "tasks.extension.create.consistent")
async def consistent(peer: Peer) -> None:
    """A task that one connection made is found over another."""
    if not peer.over_http:
        raise Inapplicable("each connection is a process of its own")
    made = await _made(peer)
    if not made:
        raise Blocked("no task could be followed to its end")
    async with need_another(peer) as other:
        found = await other.request("tasks/get", {"taskId": made}, meta=DECLARED)
    again = await peer.request("tasks/get", {"taskId": made}, meta=DECLARED)
    if found.code == _INVALID_PARAMS and isinstance(again.result, dict):
        raise Mismatch("the task that another connection made", found.describe())


@check("tasks.extension.tool-error", "tasks.extension.completed.tool-error", "tasks.extension.failed.protocol-only")
async def tool_error(peer: Peer) -> None:
    """A task whose tool comes back with isError is completed, with that result."""
    judged = 0
    for run in await runs(peer):
        if run.end and run.end["status"] != "cancelled" and await _comes_back_wrong(peer, run):
            judged += 1
            result = run.end.get("result")
            if run.end["status"] == "failed" or (isinstance(result, dict) and not result.get("isError")):
                mismatch = Mismatch(f"a completed task of {run.name}, whose result has isError", brief(run.end))
                failed = run.end["status"] == "failed"
                mismatch.breaks = f"tasks.extension.{'failed.protocol-only' if failed else 'completed.tool-error'}"
                raise mismatch
    if not judged:
        raise Blocked(f"no task ended of a tool that is known to fail (a name such as {_FAILS})")


async def _plainly(peer: Peer, run: TaskRun) -> Answer | None:
    """Return the answer to the same call that declares all but the extension; None if none came."""
    found = await once(peer, f"{run.name} plainly", lambda: peer.request("tools/call", run.call.params, meta=_ASKABLE))
    return None if isinstance(found, Mismatch) else found


async def _comes_back_wrong(peer: Peer, run: TaskRun) -> bool:
    if run.name == _FAILS:
        return True
    plain = await _plainly(peer, run)
    result = plain.result if plain is not None else None
    return isinstance(result, dict) and result.get("isError") is True


@check("tasks.extension.error", "tasks.extension.get.failed")
async def protocol_error(peer: Peer) -> None:
    """A task whose call comes to a JSON-RPC error has failed, with that error."""
    judged = 0
    for run in await runs(peer):
        plain = await _plainly(peer, run)
        status, own = run.end.get("status"), _own_error(run)
        # The error that a plain call gets, unless it is about the call being plain.
        code = plain.code if plain is not None and plain.code != _MISSING_CAPABILITY else None
        named = run.name == _COMES_TO_AN_ERROR and status == "completed"
        judged += named or (status == "failed" and own is not None)
        if named or (status == "failed" and own is not None and code not in (None, own)):
            wanted = f"a failed task of {run.name}{'' if code is None else f' with error {code}'}"
            raise Mismatch(wanted, brief(run.end))
    if not judged:
        raise Blocked(f"no task ended of a tool that is known to come to an error (such as {_COMES_TO_AN_ERROR})")


@check("tasks.extension.failed", "tasks.extension.failed.message")
async def failed_message(peer: Peer) -> None:
    """A task that failed says why."""
    failed = [run for run in await runs(peer) if run.end.get("status") == "failed"]
    if not failed:
        raise Blocked("no task failed")
    for run in failed:
        told = run.end.get("statusMessage")
        if not isinstance(told, str) or not told.strip():
            raise Mismatch(f"a statusMessage of the failed task of {run.name}", brief(run.end))


@check("tasks.extension.stray", "tasks.extension.input.stray-ignored", "tasks.extension.update.acknowledged")
async def stray(peer: Peer) -> None:
    """An answer to a question that was never asked is acknowledged by an empty result, and changes nothing."""
    for run in await runs(peer):
        if run.statuses and run.statuses[-1] == "input_required":
            continue
        params = {"taskId": run.id, "inputResponses": {_NOBODYS: {"action": "decline"}}}
        message = peer.message("tasks/update", params, meta=DECLARED)
        answer = await peer.call(message, defect="an answer to no question")
        expect_empty(answer, "tasks.extension.input.stray-ignored", "tasks.extension.update.acknowledged")
        return
    raise Blocked("no task could be followed to its end")


@check("tasks.extension.cancel", "tasks.extension.cancel.acknowledged")
async def cancel(peer: Peer) -> None:
    """tasks/cancel is acknowledged by an empty result."""
    run = await _unfinished(peer)
    answer = await peer.request("tasks/cancel", {"taskId": run.id}, meta=DECLARED)
    if answer.error is not None:
        raise Blocked(f"the cancellation was not accepted: {answer.describe()}")
    expect_empty(answer, "", "tasks.extension.cancel.acknowledged")


async def _unfinished(peer: Peer) -> TaskRun:
    """Return a new task; what becomes of it nobody waits for."""
    for run in await runs(peer):
        if len(run.polls) > 1:
            made = await begin(peer, run.call)
            if made.id:
                return made
    raise Blocked("every task was over too soon to be cancelled")


def expect_empty(answer: Answer, refused: str, misshapen: str) -> None:
    """Raise `Mismatch` unless an answer is a result with nothing of its own; it breaks one row or the other."""
    result = answer.result
    if not isinstance(result, dict) or result.keys() - {"resultType", "_meta"}:
        mismatch = Mismatch(f"an empty result for {answer.method}", answer.describe(), [answer.entry.index])
        mismatch.breaks = misshapen if isinstance(result, dict) or not refused else refused
        raise mismatch
