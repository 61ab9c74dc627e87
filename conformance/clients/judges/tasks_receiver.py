"""Judges of clients that run tasks (2025-11-25 `basic/utilities/tasks`): how a task begins, ends, and is told of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps

from conformance.capabilities import declares
from conformance.check import MonitorBody
from conformance.clients.declare import judge, judged_by
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
    tasks_made,
)
from conformance.clients.scenarios.tasks_asked import BROUGHT, NOBODYS, REQUESTS, SCENARIO, TOO_LONG
from conformance.expect import Blocked, Mismatch, brief
from conformance.guessing import FEW_BITS, guessable
from conformance.monitors.tasks import declared, errors, first, related, states, times
from conformance.monitors.tasks_progress import stops
from conformance.monitors.traffic import requests
from conformance.transcript import Conversation
from reference_impl.protocol.tasks import RELATED_TASK, TERMINAL

_INVALID_PARAMS = -32602
_SEVERAL = 3
_HELD_UP = 1.5
"""Seconds that nobody needs who only says that there is a task."""


def _of_receivers(body: MonitorBody) -> MonitorBody:
    """Return a monitor of servers' tasks as a judge of clients that run tasks."""

    @wraps(body)
    def judged(conversation: Conversation) -> Iterator[Mismatch | None]:
        need(conversation, "tasks")
        yield from body(conversation)

    return judged


judged_by("client.task-declared", declared, "tasks.capability.declared", scenario=SCENARIO.name)
for _identifier, _body, *_rows in (
    ("client.task-times", times, "tasks.created-at", "tasks.updated-at"),
    ("client.task-first", first, "tasks.create.working", "tasks.id.unique"),
    ("client.task-states", states, "tasks.status.known-moves", "tasks.status.final", "tasks.cancel.final"),
    (
        "client.task-messages-related",
        related,
        *("tasks.related.result", "tasks.related.every", "tasks.related.answers", "tasks.related.status-notification"),
    ),
    ("client.task-errors", errors, "tasks.error.informative"),
    ("client.task-progress-stops", stops, "progress.task.stops"),
):
    judged_by(_identifier, _of_receivers(_body), *_rows, scenario=SCENARIO.name)


# How a task begins ----------------------------------------------------------------------------------


@judge("client.task-ignored", "tasks.request.ignored", scenario=SCENARIO.name)
def ignored(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A request of a kind of which the client makes no tasks is answered plainly, though it asks for a task."""
    for asked in requests(conversation):
        method = str(asked.message["method"])
        if method not in REQUESTS or "task" not in asked.params or spoiled(asked):
            continue
        plain = plainly(conversation, asked)
        if declares(conversation.capabilities, f"tasks.requests.{method.replace('/', '.')}") or plain is None:
            continue
        if result_of(plain) and asked.answer is not None:
            # One that makes a task of it is told of by another judge.
            fine = bool(result_of(asked))
            wanted = f"a result, as {method} brings without a task member"
            yield None if fine else Mismatch(wanted, shown(asked), evidence(plain, asked))


@judge("client.task-created", "tasks.create.result", scenario=SCENARIO.name)
def created(conversation: Conversation) -> Iterator[Mismatch | None]:
    """What is asked as a task is answered with the task, and not with what was asked for."""
    for asked in tasks_made(conversation):
        if result_of(asked):
            fine = bool(task_of(asked)) and not OWN[asked.message["method"]] & result_of(asked).keys()
            yield None if fine else Mismatch("a task", shown(asked), evidence(asked))


@judge("client.task-at-once", "tasks.create.at-once", scenario=SCENARIO.name)
def at_once(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The answer that tells of a task does not wait for the work."""
    for asked in tasks_made(conversation):
        looks = [
            look for look in about(conversation, "tasks/get") if look.params["taskId"] == task_of(asked).get("taskId")
        ]
        if not looks or asked.answer is None:
            continue
        took = asked.answer.at - asked.entry.at
        if result_of(looks[0]).get("status") not in TERMINAL:
            yield None
        elif took > _HELD_UP:
            wanted = "a task that goes on when it is first asked about"
            yield Mismatch(wanted, f"{brief(result_of(looks[0]))} after {took:.1f} s", evidence(asked, looks[0]))


@judge("client.task-id", "tasks.id.receiver", scenario=SCENARIO.name)
def named_by_client(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A task is not called by an id that the request brought along."""
    for asked in tasks_made(conversation):
        if asked.params["task"].get("taskId") == BROUGHT and (task_of(asked) or code_of(asked) == _INVALID_PARAMS):
            fine = task_of(asked).get("taskId") != BROUGHT
            yield None if fine else Mismatch("an id of the client's own", shown(asked), evidence(asked))


@judge("client.task-ttl", "tasks.ttl.limited", scenario=SCENARIO.name)
def limited(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A lifetime beyond all reason is not granted."""
    for asked in tasks_made(conversation):
        if asked.params["task"].get("ttl") == TOO_LONG and "ttl" in task_of(asked):
            told = task_of(asked)["ttl"]
            fine = told is not None and not (isinstance(told, int | float) and told >= TOO_LONG)
            wanted = f"a ttl below the {TOO_LONG} ms asked for"
            yield None if fine else Mismatch(wanted, shown(asked), evidence(asked))


@judge("client.task-ids-random", "tasks.id.unguessable", scenario=SCENARIO.name)
def unguessable(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Ids of tasks are too long to guess, and do not continue one another."""
    made = [asked for asked in tasks_made(conversation) if isinstance(task_of(asked).get("taskId"), str)]
    ids = [task_of(asked)["taskId"] for asked in made if task_of(asked)["taskId"] != BROUGHT]
    if len(set(ids)) < _SEVERAL:
        raise Blocked("too few tasks were made to compare their ids")
    wrong = guessable(ids)
    wanted = f"ids that differ in more than {FEW_BITS} bits"
    yield Mismatch(wanted, ", ".join(ids[:_SEVERAL]), evidence(*made[:_SEVERAL])) if wrong else None


# Which task -----------------------------------------------------------------------------------------


@judge("client.task-unknown", "tasks.id.unknown", scenario=SCENARIO.name)
def unknown(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Whatever is asked about an unknown task gets error -32602."""
    need(conversation, "tasks")
    for asked in requests(conversation):
        if asked.params.get("taskId") == NOBODYS and asked.answer is not None:
            fine = code_of(asked) == _INVALID_PARAMS
            wanted = f"error {_INVALID_PARAMS} for {asked.message['method']} of a task that nobody made"
            yield None if fine else Mismatch(wanted, shown(asked), evidence(asked))


@judge("client.task-parameter", "tasks.related.parameter-wins", scenario=SCENARIO.name)
def parameter_wins(conversation: Conversation) -> Iterator[Mismatch | None]:
    """tasks/get tells of the task in its parameter, whatever task its metadata names."""
    for asked in about(conversation, "tasks/get"):
        # Other questions that came later were answered: it is not that there was no time.
        passed_over = any(later.answer and later.entry.index > asked.entry.index for later in requests(conversation))
        if RELATED_TASK in asked.meta and (asked.answer is not None or passed_over):
            wanted = f"the task {asked.params['taskId']}"
            fine = result_of(asked).get("taskId") == asked.params["taskId"]
            yield None if fine else Mismatch(wanted, shown(asked), evidence(asked))


# The list, and the end ------------------------------------------------------------------------------


@judge("client.task-list", "tasks.list.complete", "tasks.list.next-cursor", scenario=SCENARIO.name)
def listed(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every task that tasks/get finds stands on a page of tasks/list."""
    need(conversation, "tasks.list")
    pages = [asked for asked in about(conversation, "tasks/list") if isinstance(result_of(asked).get("tasks"), list)]
    if not pages or "nextCursor" in result_of(pages[-1]):
        raise Blocked("tasks/list gave no list, or one without an end")
    seen = {task.get("taskId") for page in pages for task in result_of(page)["tasks"] if isinstance(task, dict)}
    for asked in about(conversation, "tasks/get"):
        identifier = result_of(asked).get("taskId")
        if identifier is not None and asked.entry.index < pages[0].entry.index:
            fine = identifier in seen
            wanted = f"the task {identifier} in tasks/list"
            yield None if fine else Mismatch(wanted, shown(pages[-1]), evidence(asked, *pages))


@judge("client.task-list-cursor", "tasks.list.cursor-unknown", scenario=SCENARIO.name)
def unknown_cursor(conversation: Conversation) -> Iterator[Mismatch | None]:
    """tasks/list with a cursor that was never given out gets error -32602."""
    need(conversation, "tasks.list")
    for asked in about(conversation, "tasks/list"):
        if asked.params.get("cursor") == NOBODYS and asked.answer is not None:
            fine = code_of(asked) == _INVALID_PARAMS
            wanted = f"error {_INVALID_PARAMS} for a cursor that was never given out"
            yield None if fine else Mismatch(wanted, shown(asked), evidence(asked))


@judge("client.task-cancel-ended", "tasks.cancel.ended", scenario=SCENARIO.name)
def cancel_ended(conversation: Conversation) -> Iterator[Mismatch | None]:
    """tasks/cancel of a task that has ended gets error -32602."""
    need(conversation, "tasks.cancel")
    for asked in about(conversation, "tasks/cancel"):
        if asked.answer is not None and status_before(conversation, asked) in TERMINAL:
            fine = code_of(asked) == _INVALID_PARAMS
            wanted = f"error {_INVALID_PARAMS} for tasks/cancel of a task that had ended"
            yield None if fine else Mismatch(wanted, shown(asked), evidence(asked))


@judge("client.task-cancel", "tasks.cancel.before-answer", scenario=SCENARIO.name)
def cancelled_at_once(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A task is cancelled when tasks/cancel is answered, and says so in that answer."""
    need(conversation, "tasks.cancel")
    for asked in about(conversation, "tasks/cancel"):
        looks = [look for look in about(conversation, "tasks/get") if look.params["taskId"] == asked.params["taskId"]]
        after = next((look for look in looks if look.entry.index > asked.entry.index), None)
        if not result_of(asked) or after is None:
            continue
        now = result_of(after).get("status")
        if result_of(asked).get("status") != "cancelled" and now not in ("completed", "failed"):
            yield Mismatch("the cancelled task for tasks/cancel", shown(asked), evidence(asked, after))
        elif result_of(asked).get("status") == "cancelled":
            fine = now in (*TERMINAL, None)
            wanted = "a cancelled task after the answer to tasks/cancel"
            yield None if fine else Mismatch(wanted, shown(after), evidence(asked, after))
