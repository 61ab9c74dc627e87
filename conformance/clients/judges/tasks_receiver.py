"""Judges of clients that run tasks (2025-11-25 `basic/utilities/tasks`): how a task begins, ends, and is told of."""

from __future__ import annotations

from collections.abc import Iterator
from functools import wraps
from typing import Any

from conformance.check import MonitorBody
from conformance.clients.declare import judge, judged_by
from conformance.clients.scenarios.tasks_asked import BROUGHT, NOBODYS, REQUESTS, SCENARIO, TOO_LONG, UNASKABLE
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.guessing import FEW_BITS, guessable
from conformance.judge import declares
from conformance.monitors.tasks import declared, errors, first, related, states, times
from conformance.monitors.tasks_progress import stops
from conformance.monitors.traffic import Asked, requests
from conformance.transcript import Conversation, Entry
from reference_impl.protocol.tasks import RELATED_TASK, TERMINAL

_INVALID_PARAMS = -32602
_SEVERAL = 3
_HELD_UP = 1.5
"""Seconds that nobody needs who only says that there is a task."""
_OWN = {"elicitation/create": {"action"}, "sampling/createMessage": {"role", "content"}}
"""Members that the result of a request has."""


def _of_receivers(body: MonitorBody) -> MonitorBody:
    """Return a monitor of servers' tasks as a judge of clients that run tasks."""

    @wraps(body)
    def judged(conversation: Conversation) -> Iterator[Mismatch | None]:
        _need(conversation, "tasks")
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


def _value(asked: Asked) -> dict[str, Any]:
    return asked.answer.value if asked.answer is not None and asked.answer.is_message else {}


def _result(asked: Asked) -> dict[str, Any]:
    result = _value(asked).get("result")
    return result if isinstance(result, dict) else {}


def _code(asked: Asked) -> Any:
    error = _value(asked).get("error")
    return error.get("code") if isinstance(error, dict) else None


def _task(asked: Asked) -> dict[str, Any]:
    task = _result(asked).get("task")
    return task if isinstance(task, dict) else {}


def _evidence(*several: Asked) -> list[int]:
    entries: list[Entry | None] = []
    for asked in several:
        entries += [asked.entry, asked.answer]
    return [entry.index for entry in entries if entry is not None]


def _told(asked: Asked) -> str:
    return brief(asked.answer.value) if asked.answer is not None else "no answer"


def _need(conversation: Conversation, path: str) -> None:
    """Raise `Inapplicable` unless the client declares a capability."""
    if not declares(conversation.capabilities, path):
        raise Inapplicable(f"the client does not declare {path}")


def _made(conversation: Conversation) -> Iterator[Asked]:
    """The requests that asked for tasks of what the client makes tasks of, and that it can understand."""
    _need(conversation, "tasks.requests")
    for asked in requests(conversation):
        method = str(asked.message["method"])
        able = declares(conversation.capabilities, f"tasks.requests.{method.replace('/', '.')}")
        if able and "task" in asked.params and not _spoiled(asked):
            yield asked


def _spoiled(asked: Asked) -> bool:
    wrong = UNASKABLE.get(str(asked.message["method"]), {})
    return bool(wrong) and wrong.items() <= asked.params.items()


def _of(conversation: Conversation, method: str) -> Iterator[Asked]:
    """The requests about tasks that were made, or were not."""
    return (asked for asked in requests(conversation) if asked.message["method"] == method)


def _plainly(conversation: Conversation, like: Asked) -> Asked | None:
    """Return the same request as another, asked without a task."""
    for asked in requests(conversation):
        same = asked.message["method"] == like.message["method"] and _spoiled(asked) is _spoiled(like)
        if same and "task" not in asked.params:
            return asked
    return None


# How a task begins ----------------------------------------------------------------------------------


@judge("client.task-ignored", "tasks.request.ignored", scenario=SCENARIO.name)
def ignored(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A request of a kind of which the client makes no tasks is answered plainly, though it asks for a task."""
    for asked in requests(conversation):
        method = str(asked.message["method"])
        if method not in REQUESTS or "task" not in asked.params or _spoiled(asked):
            continue
        plain = _plainly(conversation, asked)
        if declares(conversation.capabilities, f"tasks.requests.{method.replace('/', '.')}") or plain is None:
            continue
        if _result(plain) and asked.answer is not None:
            # One that makes a task of it is told of by another judge.
            fine = bool(_result(asked))
            wanted = f"a result, as {method} brings without a task member"
            yield None if fine else Mismatch(wanted, _told(asked), _evidence(plain, asked))


@judge("client.task-created", "tasks.create.result", scenario=SCENARIO.name)
def created(conversation: Conversation) -> Iterator[Mismatch | None]:
    """What is asked as a task is answered with the task, and not with what was asked for."""
    for asked in _made(conversation):
        if _result(asked):
            fine = bool(_task(asked)) and not _OWN[asked.message["method"]] & _result(asked).keys()
            yield None if fine else Mismatch("a task", _told(asked), _evidence(asked))


@judge("client.task-at-once", "tasks.create.at-once", scenario=SCENARIO.name)
def at_once(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The answer that tells of a task does not wait for the work."""
    for asked in _made(conversation):
        looks = [look for look in _of(conversation, "tasks/get") if look.params["taskId"] == _task(asked).get("taskId")]
        if not looks or asked.answer is None:
            continue
        took = asked.answer.at - asked.entry.at
        if _result(looks[0]).get("status") not in TERMINAL:
            yield None
        elif took > _HELD_UP:
            wanted = "a task that goes on when it is first asked about"
            yield Mismatch(wanted, f"{brief(_result(looks[0]))} after {took:.1f} s", _evidence(asked, looks[0]))


@judge("client.task-id", "tasks.id.receiver", scenario=SCENARIO.name)
def named_by_client(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A task is not called by an id that the request brought along."""
    for asked in _made(conversation):
        if asked.params["task"].get("taskId") == BROUGHT and (_task(asked) or _code(asked) == _INVALID_PARAMS):
            fine = _task(asked).get("taskId") != BROUGHT
            yield None if fine else Mismatch("an id of the client's own", _told(asked), _evidence(asked))


@judge("client.task-ttl", "tasks.ttl.limited", scenario=SCENARIO.name)
def limited(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A lifetime beyond all reason is not granted."""
    for asked in _made(conversation):
        if asked.params["task"].get("ttl") == TOO_LONG and "ttl" in _task(asked):
            told = _task(asked)["ttl"]
            fine = told is not None and not (isinstance(told, int | float) and told >= TOO_LONG)
            wanted = f"a ttl below the {TOO_LONG} ms asked for"
            yield None if fine else Mismatch(wanted, _told(asked), _evidence(asked))


@judge("client.task-ids-random", "tasks.id.unguessable", scenario=SCENARIO.name)
def unguessable(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Ids of tasks are too long to guess, and do not continue one another."""
    made = [asked for asked in _made(conversation) if isinstance(_task(asked).get("taskId"), str)]
    ids = [_task(asked)["taskId"] for asked in made if _task(asked)["taskId"] != BROUGHT]
    if len(set(ids)) < _SEVERAL:
        raise Blocked("too few tasks were made to compare their ids")
    wrong = guessable(ids)
    wanted = f"ids that differ in more than {FEW_BITS} bits"
    yield Mismatch(wanted, ", ".join(ids[:_SEVERAL]), _evidence(*made[:_SEVERAL])) if wrong else None


# Which task -----------------------------------------------------------------------------------------


@judge("client.task-unknown", "tasks.id.unknown", scenario=SCENARIO.name)
def unknown(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Whatever is asked about an unknown task gets error -32602."""
    _need(conversation, "tasks")
    for asked in requests(conversation):
        if asked.params.get("taskId") == NOBODYS and asked.answer is not None:
            fine = _code(asked) == _INVALID_PARAMS
            wanted = f"error {_INVALID_PARAMS} for {asked.message['method']} of a task that nobody made"
            yield None if fine else Mismatch(wanted, _told(asked), _evidence(asked))


@judge("client.task-parameter", "tasks.related.parameter-wins", scenario=SCENARIO.name)
def parameter_wins(conversation: Conversation) -> Iterator[Mismatch | None]:
    """tasks/get tells of the task in its parameter, whatever task its metadata names."""
    for asked in _of(conversation, "tasks/get"):
        if RELATED_TASK in asked.meta and asked.answer is not None:
            wanted = f"the task {asked.params['taskId']}"
            fine = _result(asked).get("taskId") == asked.params["taskId"]
            yield None if fine else Mismatch(wanted, _told(asked), _evidence(asked))


# The outcome ----------------------------------------------------------------------------------------


def _outcomes(conversation: Conversation) -> Iterator[tuple[Asked, Asked]]:
    """Each answered `tasks/result`, with the request that made the task."""
    makers = {_task(asked)["taskId"]: asked for asked in requests(conversation) if "taskId" in _task(asked)}
    for asked in _of(conversation, "tasks/result"):
        maker = makers.get(asked.params["taskId"])
        if maker is not None and asked.answer is not None:
            yield asked, maker


@judge("client.task-result", "tasks.result.final", scenario=SCENARIO.name)
def result(conversation: Conversation) -> Iterator[Mismatch | None]:
    """tasks/result gives what the request gives that made the task, and not the task."""
    _need(conversation, "tasks.requests")
    for asked, maker in _outcomes(conversation):
        if _result(asked):
            lacking = sorted(_OWN[maker.message["method"]] - _result(asked).keys())
            wanted = f"a result of {maker.message['method']}, with {' and '.join(lacking)}"
            yield Mismatch(wanted, _told(asked), _evidence(maker, asked)) if lacking else None


@judge("client.task-result-kind", "tasks.result.success", scenario=SCENARIO.name)
def result_stays_result(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A completed task hands out a result and no error."""
    _need(conversation, "tasks.requests")
    for asked, maker in _outcomes(conversation):
        if _status_before(conversation, asked) == "completed" and not _spoiled(maker):
            fine = "error" not in _value(asked)
            yield None if fine else Mismatch("a result of a completed task", _told(asked), _evidence(maker, asked))


@judge("client.task-result-error", "tasks.result.error", scenario=SCENARIO.name)
def error_stays_error(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A task whose request comes to a JSON-RPC error hands out that error."""
    _need(conversation, "tasks.requests")
    for asked, maker in _outcomes(conversation):
        plain = _plainly(conversation, maker) if _spoiled(maker) else None
        if plain is not None and _code(plain) is not None:
            fine = _code(asked) == _code(plain)
            wanted = f"error {_code(plain)}, which the same request gets without a task"
            yield None if fine else Mismatch(wanted, _told(asked), _evidence(plain, maker, asked))
    if not any(True for _ in _outcomes(conversation)):
        raise Blocked("no task came to an outcome")


@judge("client.task-result-waits", "tasks.result.waits", scenario=SCENARIO.name)
def waits(conversation: Conversation) -> Iterator[Mismatch | None]:
    """tasks/result of a task that goes on is answered once the task has ended."""
    for asked, _ in _outcomes(conversation):
        assert asked.answer is not None
        looks = [look for look in _of(conversation, "tasks/get") if look.params["taskId"] == asked.params["taskId"]]
        unfinished = [look for look in looks if _result(look) and _result(look).get("status") not in TERMINAL]
        late = [look for look in unfinished if look.entry.index > asked.answer.index]
        early = [look for look in unfinished if look.answer and look.answer.index < asked.entry.index]
        if late:
            wanted = "no answer to tasks/result before the task has ended"
            yield Mismatch(wanted, f"{_told(asked)}, and then {_told(late[0])}", _evidence(asked, late[0]))
        elif early:
            yield None


@judge("client.task-failed", "tasks.failed.message", scenario=SCENARIO.name)
def failed(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A task that failed says why."""
    for asked in _of(conversation, "tasks/get"):
        if _result(asked).get("status") == "failed":
            told = _result(asked).get("statusMessage")
            fine = isinstance(told, str) and bool(told.strip())
            yield None if fine else Mismatch("a statusMessage of a failed task", _told(asked), _evidence(asked))


# The list, and the end ------------------------------------------------------------------------------


@judge("client.task-list", "tasks.list.complete", "tasks.list.next-cursor", scenario=SCENARIO.name)
def listed(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every task that tasks/get finds stands on a page of tasks/list."""
    _need(conversation, "tasks.list")
    pages = [asked for asked in _of(conversation, "tasks/list") if isinstance(_result(asked).get("tasks"), list)]
    if not pages or "nextCursor" in _result(pages[-1]):
        raise Blocked("tasks/list gave no list, or one without an end")
    seen = {task.get("taskId") for page in pages for task in _result(page)["tasks"] if isinstance(task, dict)}
    for asked in _of(conversation, "tasks/get"):
        identifier = _result(asked).get("taskId")
        if identifier is not None and asked.entry.index < pages[0].entry.index:
            fine = identifier in seen
            wanted = f"the task {identifier} in tasks/list"
            yield None if fine else Mismatch(wanted, _told(pages[-1]), _evidence(asked, *pages))


@judge("client.task-list-cursor", "tasks.list.cursor-unknown", scenario=SCENARIO.name)
def unknown_cursor(conversation: Conversation) -> Iterator[Mismatch | None]:
    """tasks/list with a cursor that was never given out gets error -32602."""
    _need(conversation, "tasks.list")
    for asked in _of(conversation, "tasks/list"):
        if asked.params.get("cursor") == NOBODYS and asked.answer is not None:
            fine = _code(asked) == _INVALID_PARAMS
            wanted = f"error {_INVALID_PARAMS} for a cursor that was never given out"
            yield None if fine else Mismatch(wanted, _told(asked), _evidence(asked))


@judge("client.task-cancel-ended", "tasks.cancel.ended", scenario=SCENARIO.name)
def cancel_ended(conversation: Conversation) -> Iterator[Mismatch | None]:
    """tasks/cancel of a task that has ended gets error -32602."""
    _need(conversation, "tasks.cancel")
    for asked in _of(conversation, "tasks/cancel"):
        if asked.answer is not None and _status_before(conversation, asked) in TERMINAL:
            fine = _code(asked) == _INVALID_PARAMS
            wanted = f"error {_INVALID_PARAMS} for tasks/cancel of a task that had ended"
            yield None if fine else Mismatch(wanted, _told(asked), _evidence(asked))


@judge("client.task-cancel", "tasks.cancel.before-answer", scenario=SCENARIO.name)
def cancelled_at_once(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A task is cancelled when tasks/cancel is answered, and says so in that answer."""
    _need(conversation, "tasks.cancel")
    for asked in _of(conversation, "tasks/cancel"):
        looks = [look for look in _of(conversation, "tasks/get") if look.params["taskId"] == asked.params["taskId"]]
        after = next((look for look in looks if look.entry.index > asked.entry.index), None)
        if not _result(asked) or after is None:
            continue
        now = _result(after).get("status")
        if _result(asked).get("status") != "cancelled" and now not in ("completed", "failed"):
            yield Mismatch("the cancelled task for tasks/cancel", _told(asked), _evidence(asked, after))
        elif _result(asked).get("status") == "cancelled":
            fine = now in (*TERMINAL, None)
            wanted = "a cancelled task after the answer to tasks/cancel"
            yield None if fine else Mismatch(wanted, _told(after), _evidence(asked, after))


def _status_before(conversation: Conversation, asked: Asked) -> Any:
    """Return the status of a task as it was told last before a request about it."""
    found = None
    for look in _of(conversation, "tasks/get"):
        if look.params["taskId"] == asked.params["taskId"] and look.answer is not None:
            found = _result(look).get("status") if look.answer.index < asked.entry.index else found
    return found
