"""Checks of what stands beside the tasks extension: the older design, rounds of questions, notices of a status."""

from __future__ import annotations

from typing import Any

import anyio

from conformance.check import Sharing, check
from conformance.checks.server.mrtr import answers_to, asks, retry_params
from conformance.checks.task_runs import DECLARED, FINAL, TaskRun, poll, runs, task_of
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.guise import Guise
from conformance.listening import Listening, is_acknowledgement, listening, shown
from conformance.peer import Peer
from conformance.posing import likely_to_ask, posing
from conformance.surface import ToolCall, lasting
from conformance.transcript import Entry
from reference_impl.protocol.lifecycle import SUBSCRIPTION_ID
from reference_impl.protocol.methods import TASKS

_CALLS, _ROUNDS = 8, 8
_SECONDS = 0.3
_PAUSE = 0.05
_LATE = "test_tool_with_task"
"""A name under which everything-servers offer a tool that asks first and runs as a task then."""
_STATUS = "notifications/tasks"
_OF_REQUESTS = frozenset({"notifications/progress", "notifications/message"})
_LOG_LEVEL = "io.modelcontextprotocol/logLevel"


@check("tasks.extension.old-revision", "tasks.extension.legacy.revision")
async def old_revision(peer: Peer) -> None:
    """A client that names the extension in its handshake gets no task for a plain call."""
    if peer.bench is None or not any(revision.modern for revision in peer.bench.spoken):
        raise Inapplicable("the target speaks no revision that has the extension")
    async with posing(peer, Guise({"extensions": {TASKS: {}}})) as client:
        calls = [call for call in client.surface.calls() if not client.surface.is_slow(call)]
        calls += [made for call in client.surface.calls() if (made := lasting(call, _SECONDS)) is not None]
        if not calls:
            raise Blocked("no tool may be called: none has readOnlyHint, none was allowed (--allow NAME)")
        for call in calls[-_CALLS:]:
            answer = await client.request("tools/call", call.params)
            if task_of(answer):
                wanted = (
                    f"the result of {call.tool['name']}, which was called plainly in a session without the extension"
                )
                mismatch = Mismatch(wanted, answer.describe(), [answer.entry.index])
                mismatch.seen = client.conversation
                raise mismatch


@check("tasks.extension.rounds", "tasks.extension.create.after-input")
async def after_input(peer: Peer) -> None:
    """A call that asks before it becomes a task has asked everything when the task is handed out."""
    judged = 0
    for call in _asking(peer):
        answer = await peer.request("tools/call", call.params, meta=DECLARED)
        asked = False
        for _ in range(_ROUNDS):
            if not asks(answer) or answers_to(answer) is None:
                break
            asked = True
            answer = await peer.request("tools/call", retry_params(call, answer), meta=DECLARED)
        if asked and task_of(answer):
            judged += 1
            if left := sorted({"inputRequests", "requestState"} & answer.result.keys()):
                wanted = f"a task of {call.tool['name']} without {' and '.join(left)}, as its rounds are over"
                raise Mismatch(wanted, answer.describe(), [answer.entry.index])
    if not judged:
        raise Blocked(f"no tool that may be called asks first and becomes a task then (a name such as {_LATE})")


def _asking(peer: Peer) -> list[ToolCall]:
    calls = list(peer.surface.calls())
    known = [call for call in calls if call.tool["name"] == _LATE]
    return [*known, *likely_to_ask(calls)][:_CALLS]


@check("tasks.extension.notices", "tasks.extension.listen.no-progress", sharing=Sharing.ALONE)
async def notices(peer: Peer) -> None:
    """The stream that tells of the status of a task brings no progress and no log messages."""
    run = await _begun(peer)
    since = len(peer.heard)
    async with listening(peer, {"taskIds": [run.id]}, DECLARED) as listen:
        first = await listen.first()
        if not is_acknowledgement(first) or run.id not in brief(first.value, 10_000):
            raise Blocked(f"the target does not tell of the task: {shown(first)}")
        with anyio.move_on_after(peer.patience.answer):
            while not run.end:
                await anyio.sleep(_PAUSE)
                await poll(peer, run)
        await listen.wait(_tells_of_end, peer.patience.quiet)
        heard = _heard(peer, listen, since)
    for entry in heard:
        if entry.value.get("method") in _OF_REQUESTS:
            raise Mismatch(
                "no progress and no log message on the stream of a task's status", shown(entry), [entry.index]
            )
    if not any(entry.value.get("method") == _STATUS for entry in heard):
        raise Blocked("the stream told nothing of the task")


def _heard(peer: Peer, listen: Listening, since: int) -> list[Entry]:
    """Return what came on a subscription, its notifications of other kinds included."""
    tagged = [entry for entry in peer.heard[since:] if entry.is_message and _tag(entry.value) == listen.id]
    return tagged if not peer.over_http else [entry for entry in listen.heard() if entry.is_message]


def _tag(message: dict[str, Any]) -> Any:
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return meta.get(SUBSCRIPTION_ID) if isinstance(meta, dict) else None


def _tells_of_end(entry: Entry) -> bool:
    if not entry.is_message or entry.value.get("method") != _STATUS:
        return False
    params = entry.value.get("params")
    return isinstance(params, dict) and params.get("status") in FINAL


async def _begun(peer: Peer) -> TaskRun:
    """Return a new task that takes a moment, whose call asked for progress and log messages."""
    slow = [made for call in peer.surface.calls() if (made := lasting(call, _SECONDS)) is not None]
    calls = slow or [run.call for run in await runs(peer) if len(run.polls) > 1]
    for call in calls:
        meta = {**DECLARED, "progressToken": peer.new_id(), _LOG_LEVEL: "debug"}
        run = TaskRun(call, await peer.request("tools/call", call.params, meta=meta))
        if run.id:
            return run
    raise Blocked("no tool that may be called is known to run as a task for a while")
