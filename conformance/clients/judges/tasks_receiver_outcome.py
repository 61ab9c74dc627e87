"""Judges of what comes of the tasks that clients run (2025-11-25 `basic/utilities/tasks#result-retrieval`)."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.clients.declare import judge
from conformance.clients.receiving import (
    OWN,
    about,
    code_of,
    evidence,
    need,
    plainly,
    result_of,
    shown,
    spoiled,
    status_before,
    task_of,
    value_of,
)
from conformance.clients.scenarios.tasks_asked import SCENARIO
from conformance.expect import Blocked, Mismatch
from conformance.monitors.traffic import Asked, requests
from conformance.transcript import Conversation
from reference_impl.protocol.tasks import TERMINAL

# The outcome ----------------------------------------------------------------------------------------


def _outcomes(conversation: Conversation) -> Iterator[tuple[Asked, Asked]]:
    """Each answered `tasks/result`, with the request that made the task."""
    makers = {task_of(asked)["taskId"]: asked for asked in requests(conversation) if "taskId" in task_of(asked)}
    for asked in about(conversation, "tasks/result"):
        maker = makers.get(asked.params["taskId"])
        if maker is not None and asked.answer is not None:
            yield asked, maker


@judge("client.task-result", "tasks.result.final", scenario=SCENARIO.name)
def result(conversation: Conversation) -> Iterator[Mismatch | None]:
    """tasks/result gives what the request gives that made the task, and not the task."""
    need(conversation, "tasks.requests")
    for asked, maker in _outcomes(conversation):
        if result_of(asked):
            lacking = sorted(OWN[maker.message["method"]] - result_of(asked).keys())
            wanted = f"a result of {maker.message['method']}, with {' and '.join(lacking)}"
            yield Mismatch(wanted, shown(asked), evidence(maker, asked)) if lacking else None


@judge("client.task-result-kind", "tasks.result.success", scenario=SCENARIO.name)
def result_stays_result(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A completed task hands out a result and no error."""
    need(conversation, "tasks.requests")
    for asked, maker in _outcomes(conversation):
        if status_before(conversation, asked) == "completed" and not spoiled(maker):
            fine = "error" not in value_of(asked)
            yield None if fine else Mismatch("a result of a completed task", shown(asked), evidence(maker, asked))


@judge("client.task-result-error", "tasks.result.error", scenario=SCENARIO.name)
def error_stays_error(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A task whose request comes to a JSON-RPC error hands out that error."""
    need(conversation, "tasks.requests")
    for asked, maker in _outcomes(conversation):
        plain = plainly(conversation, maker) if spoiled(maker) else None
        if plain is not None and code_of(plain) is not None:
            fine = code_of(asked) == code_of(plain)
            wanted = f"error {code_of(plain)}, which the same request gets without a task"
            yield None if fine else Mismatch(wanted, shown(asked), evidence(plain, maker, asked))
    if not any(True for _ in _outcomes(conversation)):
        raise Blocked("no task came to an outcome")


@judge("client.task-result-waits", "tasks.result.waits", scenario=SCENARIO.name)
def waits(conversation: Conversation) -> Iterator[Mismatch | None]:
    """tasks/result of a task that goes on is answered once the task has ended."""
    for asked, _ in _outcomes(conversation):
        assert asked.answer is not None
        looks = [look for look in about(conversation, "tasks/get") if look.params["taskId"] == asked.params["taskId"]]
        unfinished = [look for look in looks if result_of(look) and result_of(look).get("status") not in TERMINAL]
        late = [look for look in unfinished if look.entry.index > asked.answer.index]
        early = [look for look in unfinished if look.answer and look.answer.index < asked.entry.index]
        if late:
            wanted = "no answer to tasks/result before the task has ended"
            yield Mismatch(wanted, f"{shown(asked)}, and then {shown(late[0])}", evidence(asked, late[0]))
        elif early:
            yield None


@judge("client.task-failed", "tasks.failed.message", scenario=SCENARIO.name)
def failed(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A task that failed says why."""
    for asked in about(conversation, "tasks/get"):
        if result_of(asked).get("status") == "failed":
            told = result_of(asked).get("statusMessage")
            fine = isinstance(told, str) and bool(told.strip())
            yield None if fine else Mismatch("a statusMessage of a failed task", shown(asked), evidence(asked))
