"""Monitors of the tasks extension of 2026-07-28 (`extensions/tasks`): result types, members of each status, keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.monitors.traffic import Asked, requests, revision_of
from conformance.transcript import Conversation, Entry
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES
from reference_impl.protocol.methods import TASKS

_GET, _UPDATE, _CANCEL = "tasks/get", "tasks/update", "tasks/cancel"
_ROW = "tasks.extension."
_TYPED = {
    _GET: _ROW + "result-type.get",
    _UPDATE: _ROW + "result-type.update",
    _CANCEL: _ROW + "result-type.cancel",
}
_DETAIL = {"completed": "result", "failed": "error", "input_required": "inputRequests"}
"""Status to the member that belongs to it, and to no other."""
_FINAL = frozenset({"completed", "failed", "cancelled"})
_NAMED = {
    status: f"{_ROW}get.{status.replace('_', '-')}"
    for status in ("working", "input_required", "completed", "cancelled", "failed")
}


def _answered(conversation: Conversation) -> Iterator[tuple[Asked, Entry, dict[str, Any]]]:
    revision = revision_of(conversation)
    for asked in requests(conversation) if revision is not None and revision.modern else ():
        result = asked.answer.value.get("result") if asked.answer is not None and asked.answer.is_message else None
        if asked.answer is not None and isinstance(result, dict):
            yield asked, asked.answer, result


def _wrong(breaks: str, expected: str, actual: str, *entries: int) -> Mismatch:
    mismatch = Mismatch(expected, actual, entries)
    mismatch.breaks = breaks
    return mismatch


@monitor("tasks.extension.types", _ROW + "result-type.task", _ROW + "result-type.only", *_TYPED.values())
def types(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The result that hands out a task has the type task, and no other has."""
    for asked, answer, result in _answered(conversation):
        method, named = str(asked.message["method"]), result.get("resultType")
        evidence = (asked.entry.index, answer.index)
        if method == "tools/call":
            handed_out = "taskId" in result and "status" in result and "content" not in result
            if handed_out and named != "task":
                yield _wrong(_ROW + "result-type.task", "the resultType task of a new task", brief(result), *evidence)
            elif handed_out:
                yield None
        elif method in _TYPED:
            # One that is missing is told of by the monitor of all results.
            fine = named in ("complete", None)
            yield None if fine else _wrong(_TYPED[method], f"complete from {method}", brief(result), *evidence)
        elif named == "task":
            yield _wrong(_ROW + "result-type.only", f"no task from {method}", brief(result), *evidence)


@monitor("tasks.extension.undeclared", _ROW + "capability.undeclared", "versioning.extension.one-sided")
def undeclared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A request that does not declare the extension gets no task."""
    for asked, answer, result in _answered(conversation):
        # What was sent with an odd declaration is judged by the check that sent it.
        if asked.message["method"] == "tools/call" and asked.entry.defect is None and not _declares(asked):
            handed_out = result.get("resultType") == "task"
            wanted = "no task for a request that does not declare the extension"
            yield Mismatch(wanted, brief(result), [asked.entry.index, answer.index]) if handed_out else None


def _declares(asked: Asked) -> bool:
    declared = asked.meta.get(CLIENT_CAPABILITIES)
    extensions = declared.get("extensions") if isinstance(declared, dict) else None
    return isinstance(extensions, dict) and TASKS in extensions


@monitor("tasks.extension.states", *_NAMED.values(), _ROW + "get.current")
def states(conversation: Conversation) -> Iterator[Mismatch | None]:
    """What tasks/get answers has the members of its status, and a task that has ended stays as it ended."""
    ended: dict[Any, tuple[int, str]] = {}
    looks = [
        (asked, answer, result) for asked, answer, result in _answered(conversation) if asked.message["method"] == _GET
    ]
    for asked, answer, result in sorted(looks, key=lambda look: look[1].index):
        status, identifier = result.get("status"), str(asked.params.get("taskId"))
        if not isinstance(status, str) or status not in _NAMED:
            continue
        since, end = ended.get(identifier, (len(conversation.entries), status))
        wrong = _lacking(status, result) or _stale(status, result)
        if since < asked.entry.index and end != status:
            wrong = _ROW + "get.current", f"a task that is {end} to stay so"
        if wrong is None:
            yield None
        else:
            yield _wrong(*wrong, brief(result), asked.entry.index, answer.index)
        if status in _FINAL:
            ended.setdefault(identifier, (answer.index, status))


def _lacking(status: str, result: dict[str, Any]) -> tuple[str, str] | None:
    """Return the row that is broken and what was expected, where the member of a status is not there."""
    member = _DETAIL.get(status)
    value = result.get(member) if member is not None else None
    if member is None or (isinstance(value, dict) and (member != "error" or type(value.get("code")) is int)):
        return None
    return _NAMED[status], f"{member} of a task that is {status}"


def _stale(status: str, result: dict[str, Any]) -> tuple[str, str] | None:
    others = [member for owner, member in _DETAIL.items() if owner != status and result.get(member)]
    return (_ROW + "get.current", f"no {others[0]} of a task that is {status}") if others else None


@monitor(
    "tasks.extension.keys", _ROW + "input.key-unique", _ROW + "input.key-one-meaning", _ROW + "input.key-not-reused"
)
def keys(conversation: Conversation) -> Iterator[Mismatch | None]:
    """The key of a question of a task stands for no other question, and does not come back once it was answered."""
    meant: dict[tuple[str, str], tuple[int, str]] = {}
    given: set[tuple[str, str]] = set()
    closed: dict[tuple[str, str], int] = {}
    for asked, answer, result in _answered(conversation):
        given |= _given(asked)
        questions = result.get("inputRequests")
        identifier = str(asked.params.get("taskId"))
        if asked.message["method"] != _GET or result.get("status") not in _NAMED:
            continue
        shown = questions if isinstance(questions, dict) else {}
        for name, question in shown.items():
            place, text = (identifier, name), _meaning(question)
            first, earlier = meant.setdefault(place, (answer.index, text))
            if text != earlier:
                expected = f"the question that {name!r} stood for: {earlier}"
                yield _wrong(_ROW + "input.key-one-meaning", expected, brief(question), first, answer.index)
            elif closed.get(place, len(conversation.entries)) < asked.entry.index:
                expected = f"no question under the key {name!r}, which was answered and had gone"
                yield _wrong(_ROW + "input.key-not-reused", expected, brief(question), closed[place], answer.index)
            else:
                yield None
        for place in meant:
            if place[0] == identifier and place in given and place[1] not in shown:
                closed.setdefault(place, answer.index)


def _given(asked: Asked) -> set[tuple[str, str]]:
    """Return the keys to which an accepted `tasks/update` gave answers, with the id of the task."""
    responses = asked.params.get("inputResponses") if asked.message["method"] == _UPDATE else None
    names = responses if isinstance(responses, dict) else {}
    return {(str(asked.params.get("taskId")), name) for name in names}


def _meaning(question: Any) -> str:
    """Return what makes a question another one; its words may tell of time or progress."""
    params = question.get("params") if isinstance(question, dict) else None
    form = params.get("requestedSchema") if isinstance(params, dict) else None
    return brief([question.get("method") if isinstance(question, dict) else question, form], limit=2000)
