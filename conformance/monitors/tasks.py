"""Monitors of tasks at 2025-11-25 (`basic/utilities/tasks`): what they tell of themselves, and which message is whose.

Whether the members of a task have the right types is left to the schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from conformance.capabilities import declares
from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.http_exchanges import exchanges
from conformance.monitors.traffic import Asked, key, notifications, requests, revision_of
from conformance.transcript import Conversation, Entry
from reference_impl.protocol.streamable import SSE_TYPE
from reference_impl.protocol.tasks import RELATED_TASK, TERMINAL

MAKERS = frozenset({"tools/call", "elicitation/create", "sampling/createMessage"})
"""Requests of which tasks are made."""
_STATUSES = frozenset({"working", "input_required", *TERMINAL})
_STATUS_NOTIFICATION = "notifications/tasks/status"


@dataclass(frozen=True, slots=True)
class _Told:
    """A task as the target told it: in the entry `came`, and no earlier than after the entry `since`."""

    since: int
    came: int
    method: str
    task: dict[str, Any]

    @property
    def id(self) -> Any:
        return self.task.get("taskId")

    @property
    def status(self) -> Any:
        return self.task.get("status")


def _spoken(conversation: Conversation) -> bool:
    """Whether the revision has tasks of this kind."""
    revision = revision_of(conversation)
    return revision is not None and revision.tasks


def _result(asked: Asked) -> dict[str, Any] | None:
    result = asked.answer.value.get("result") if asked.answer is not None and asked.answer.is_message else None
    return result if isinstance(result, dict) else None


def _answered(conversation: Conversation) -> Iterator[tuple[Asked, Entry, dict[str, Any]]]:
    for asked in requests(conversation) if _spoken(conversation) else ():
        result = _result(asked)
        if asked.answer is not None and result is not None:
            yield asked, asked.answer, result


def _told(conversation: Conversation) -> Iterator[_Told]:
    """Each task in an answer of the target, in the order in which the requests were sent."""
    for asked, answer, result in _answered(conversation):
        method = str(asked.message["method"])
        found: list[Any] = []
        if method in MAKERS:
            found = [result.get("task")]
        elif method in ("tasks/get", "tasks/cancel"):
            found = [result]
        elif method == "tasks/list" and isinstance(result.get("tasks"), list):
            found = result["tasks"]
        for task in found:
            if isinstance(task, dict) and isinstance(task.get("taskId"), str):
                yield _Told(asked.entry.index, answer.index, method, task)


def _wrong(breaks: str, expected: str, actual: str, *entries: int) -> Mismatch:
    mismatch = Mismatch(expected, actual, entries)
    mismatch.breaks = breaks
    return mismatch


# What a task tells ----------------------------------------------------------------------------------


@monitor("tasks.times", "tasks.created-at", "tasks.updated-at")
def times(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The times of a task are ISO 8601 timestamps."""
    rows = {"createdAt": "tasks.created-at", "lastUpdatedAt": "tasks.updated-at"}
    for told in _told(conversation):
        for member, row in rows.items():
            value = told.task.get(member)
            if isinstance(value, str):
                fine = _is_time(value)
                yield None if fine else _wrong(row, f"{member} as in ISO 8601", brief(told.task), told.since, told.came)


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "T" in text.upper() or " " in text


@monitor("tasks.first", "tasks.create.working", "tasks.id.unique")
def first(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A new task is working, and has an id that no other has."""
    seen: dict[str, int] = {}
    for told in _told(conversation):
        if told.method not in MAKERS:
            continue
        if told.id in seen:
            yield _wrong("tasks.id.unique", "an id for each task", f"{told.id} twice", seen[told.id], told.came)
        elif told.status in _STATUSES - {"working"}:
            yield _wrong("tasks.create.working", "a new task to be working", brief(told.task), told.since, told.came)
        else:
            yield None
        seen[told.id] = told.came


@monitor("tasks.states", "tasks.status.known-moves", "tasks.status.final", "tasks.cancel.final")
def states(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A task that has ended stays as it ended."""
    ended: dict[str, _Told] = {}
    for told in sorted(_told(conversation), key=lambda told: told.came):
        end = ended.get(told.id)
        # What was asked before the end was told may have been answered before it.
        if end is not None and end.came < told.since and told.status != end.status and told.status in _STATUSES:
            row = "tasks.cancel.final" if end.status == "cancelled" else "tasks.status.final"
            actual = f"{told.status} later: {brief(told.task)}"
            yield _wrong(row, f"a task that is {end.status} to stay so", actual, end.came, told.came)
        elif told.status in _STATUSES:
            yield None
        if told.status in TERMINAL:
            ended.setdefault(told.id, told)


# Which task a message is about ----------------------------------------------------------------------


@monitor(
    "tasks.related",
    "tasks.related.result",
    "tasks.related.every",
    "tasks.related.answers",
    "tasks.related.status-notification",
)
def related(conversation: Conversation) -> Iterator[Mismatch | None]:
    """What belongs to a task names it as related-task, save for messages that hold its id anyway."""
    for asked, answer, result in _answered(conversation):
        method, named = asked.message["method"], _related(result)
        if method == "tasks/result" and isinstance(identifier := asked.params.get("taskId"), str):
            fine = isinstance(named, dict) and named.get("taskId") == identifier
            expected = f"{RELATED_TASK} with the taskId {identifier}"
            yield (
                None
                if fine
                else _wrong("tasks.related.result", expected, brief(result), asked.entry.index, answer.index)
            )
        elif method in ("tasks/get", "tasks/list", "tasks/cancel"):
            expected = f"no {RELATED_TASK} in the answer to {method}"
            yield _wrong("tasks.related.answers", expected, brief(result), answer.index) if named is not None else None
    if _spoken(conversation):
        yield from _related_notifications(conversation)


def _related_notifications(conversation: Conversation) -> Iterator[Mismatch | None]:
    tokens = {
        key(asked.meta["progressToken"]): (answer.index, task["taskId"])
        for asked, answer, result in _answered(conversation)
        if "progressToken" in asked.meta and isinstance(task := result.get("task"), dict) and "taskId" in task
    }
    for entry, message, params in notifications(conversation):
        named = _related(params)
        if message["method"] == _STATUS_NOTIFICATION:
            expected = f"no {RELATED_TASK} in {_STATUS_NOTIFICATION}"
            yield (
                _wrong("tasks.related.status-notification", expected, brief(message), entry.index)
                if named is not None
                else None
            )
        elif message["method"] == "notifications/progress" and "progressToken" in params:
            created, identifier = tokens.get(key(params["progressToken"]), (len(conversation.entries), None))
            if created < entry.index:
                fine = isinstance(named, dict) and named.get("taskId") == identifier
                expected = f"{RELATED_TASK} with the taskId {identifier} in progress of that task"
                yield None if fine else _wrong("tasks.related.every", expected, brief(message), created, entry.index)


def _related(holder: dict[str, Any]) -> Any:
    meta = holder.get("_meta")
    return meta.get(RELATED_TASK) if isinstance(meta, dict) else None


# Beside that ----------------------------------------------------------------------------------------


@monitor("tasks.declared", "tasks.capability.declared")
def declared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Only who declares tasks makes them, and answers questions about them."""
    declares_tasks = declares(conversation.capabilities, "tasks")
    for asked, answer, result in _answered(conversation):
        method = str(asked.message["method"])
        makes = method in MAKERS and "task" in asked.params and isinstance(result.get("task"), dict)
        if not declares_tasks and (makes or method.startswith("tasks/")):
            wanted = "no task of one that declares none"
            yield Mismatch(wanted, brief(result), [asked.entry.index, answer.index])
        elif method in MAKERS and "task" in asked.params:
            yield None


@monitor("tasks.errors", "tasks.error.informative", "tasks.extension.error.informative")
def errors(conversation: Conversation) -> Iterator[Mismatch | None]:
    """An error about tasks says in words what is wrong."""
    for asked in requests(conversation):
        error = asked.answer.value.get("error") if asked.answer is not None and asked.answer.is_message else None
        text = error.get("message") if isinstance(error, dict) else None
        if asked.answer is not None and str(asked.message["method"]).startswith("tasks/") and isinstance(text, str):
            yield None if text.strip() else Mismatch("a message", brief(error), [asked.answer.index])


@monitor("tasks.get-plain", "tasks.http.get-plain")
def get_plain(conversation: Conversation) -> Iterator[Mismatch | None]:
    """tasks/get is answered by JSON and not by a stream of events."""
    for exchange in exchanges(conversation) if _spoken(conversation) else ():
        if exchange.sent.is_request() and exchange.sent.value["method"] == "tasks/get" and exchange.accepted:
            fine = exchange.media_type != SSE_TYPE
            yield None if fine else Mismatch("JSON", exchange.describe(), exchange.evidence)
