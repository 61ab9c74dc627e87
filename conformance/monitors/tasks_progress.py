"""Monitors of the progress of tasks (2025-11-25 `basic/utilities/progress#behavior-requirements`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.answering import related_to
from conformance.check import monitor
from conformance.expect import Mismatch, brief, literal
from conformance.monitors.traffic import Asked, key, notifications, requests, revision_of
from conformance.transcript import Conversation, Entry
from reference_impl.protocol.tasks import TERMINAL

__all__ = ["stops", "token"]

_TOKEN = "progressToken"  # noqa: S105 - the name of a member


def _made(conversation: Conversation) -> dict[Any, Asked]:
    """The request that made each task, by the id of the task."""
    revision = revision_of(conversation)
    found: dict[Any, Asked] = {}
    for asked in requests(conversation) if revision is not None and revision.tasks else ():
        task = _result(asked).get("task")
        if isinstance(task, dict) and isinstance(task.get("taskId"), str):
            found.setdefault(task["taskId"], asked)
    return found


def _result(asked: Asked) -> dict[str, Any]:
    result = asked.answer.value.get("result") if asked.answer is not None and asked.answer.is_message else None
    return result if isinstance(result, dict) else {}


def _progress(conversation: Conversation) -> Iterator[tuple[Entry, dict[str, Any], dict[str, Any]]]:
    return (
        item
        for item in notifications(conversation)
        if item[1]["method"] == "notifications/progress" and item[0].defect is None
    )


@monitor("progress.tasks.token", "progress.task.token")
def token(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Progress that names its task has the token of the request that made the task."""
    made = _made(conversation)
    for entry, message, params in _progress(conversation):
        named = related_to(message)
        asked = made.get(named.get("taskId")) if isinstance(named, dict) else None
        if asked is None:
            continue
        given = asked.meta.get(_TOKEN)
        if given is not None and key(params.get(_TOKEN)) == key(given):
            yield None
        else:
            wanted = "no progress, as no token was given" if given is None else f"the token {literal(given)}"
            yield Mismatch(f"{wanted} for a task", brief(message), [asked.entry.index, entry.index])


@monitor("progress.tasks.stops", "progress.task.stops")
def stops(conversation: Conversation) -> Iterator[Mismatch | None]:
    """No progress is reported on a task once it was told to have ended."""
    tokens = {key(asked.meta[_TOKEN]): name for name, asked in _made(conversation).items() if _TOKEN in asked.meta}
    ends = _ends(conversation)
    for entry, message, params in _progress(conversation):
        task = tokens.get(key(params.get(_TOKEN)))
        if task is None:
            continue
        end = ends.get(task)
        # Over HTTP nobody can tell which came first on different streams.
        ordered = end is not None and (conversation.transport != "http" or end.exchange == entry.exchange)
        if end is None or not ordered or entry.index < end.index:
            yield None
        else:
            yield Mismatch("no progress of a task that has ended", brief(message), [end.index, entry.index])


def _ends(conversation: Conversation) -> dict[Any, Entry]:
    """What first told of the end of each task: its state, or its outcome."""
    found: dict[Any, Entry] = {}
    for asked in requests(conversation):
        task, method = asked.params.get("taskId"), asked.message["method"]
        over = method == "tasks/result" or _result(asked).get("status") in TERMINAL
        if asked.answer is not None and over and method in ("tasks/get", "tasks/result", "tasks/cancel"):
            answered = "result" in asked.answer.value if asked.answer.is_message else False
            if answered and asked.answer.index < found.get(task, asked.answer).index + 1:
                found[task] = asked.answer
    return found
