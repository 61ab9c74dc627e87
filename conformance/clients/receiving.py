"""What judges of clients that run tasks share: our requests that asked for tasks and about them, and the answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conformance.capabilities import declares
from conformance.clients.scenarios.tasks_asked import UNASKABLE
from conformance.expect import Inapplicable, brief
from conformance.monitors.traffic import Asked, requests
from conformance.transcript import Conversation, Entry

__all__ = [
    "OWN",
    "about",
    "code_of",
    "evidence",
    "need",
    "plainly",
    "result_of",
    "shown",
    "spoiled",
    "status_before",
    "task_of",
    "tasks_made",
    "value_of",
]

OWN = {"elicitation/create": {"action"}, "sampling/createMessage": {"role", "content"}}
"""Members that the result of a request has."""


def value_of(asked: Asked) -> dict[str, Any]:
    """Return the answer to a request of ours; an empty one where there is none."""
    return asked.answer.value if asked.answer is not None and asked.answer.is_message else {}


def result_of(asked: Asked) -> dict[str, Any]:
    """Return the result in an answer; an empty one where there is none."""
    result = value_of(asked).get("result")
    return result if isinstance(result, dict) else {}


def code_of(asked: Asked) -> Any:
    """Return the code of the error in an answer, or None."""
    error = value_of(asked).get("error")
    return error.get("code") if isinstance(error, dict) else None


def task_of(asked: Asked) -> dict[str, Any]:
    """Return the task that an answer hands out; an empty one where it hands out none."""
    task = result_of(asked).get("task")
    return task if isinstance(task, dict) else {}


def evidence(*several: Asked) -> list[int]:
    """Return the entries of requests and their answers."""
    entries: list[Entry | None] = []
    for asked in several:
        entries += [asked.entry, asked.answer]
    return [entry.index for entry in entries if entry is not None]


def shown(asked: Asked) -> str:
    """Return an answer in a line."""
    return brief(asked.answer.value) if asked.answer is not None else "no answer"


def need(conversation: Conversation, path: str) -> None:
    """Raise `Inapplicable` unless the client declares a capability."""
    if not declares(conversation.capabilities, path):
        raise Inapplicable(f"the client does not declare {path}")


def tasks_made(conversation: Conversation) -> Iterator[Asked]:
    """The requests that asked for tasks of what the client makes tasks of, and that it can understand."""
    need(conversation, "tasks.requests")
    for asked in requests(conversation):
        method = str(asked.message["method"])
        able = declares(conversation.capabilities, f"tasks.requests.{method.replace('/', '.')}")
        if able and "task" in asked.params and not spoiled(asked):
            yield asked


def spoiled(asked: Asked) -> bool:
    """Whether a request cannot be understood, on purpose."""
    wrong = UNASKABLE.get(str(asked.message["method"]), {})
    return bool(wrong) and wrong.items() <= asked.params.items()


def about(conversation: Conversation, method: str) -> Iterator[Asked]:
    """The requests about tasks that were made, or were not."""
    return (asked for asked in requests(conversation) if asked.message["method"] == method)


def plainly(conversation: Conversation, like: Asked) -> Asked | None:
    """Return the same request as another, asked without a task."""
    for asked in requests(conversation):
        same = asked.message["method"] == like.message["method"] and spoiled(asked) is spoiled(like)
        if same and "task" not in asked.params:
            return asked
    return None


def status_before(conversation: Conversation, asked: Asked) -> Any:
    """Return the status of a task as it was told last before a request about it."""
    found = None
    for look in about(conversation, "tasks/get"):
        if look.params["taskId"] == asked.params["taskId"] and look.answer is not None:
            found = result_of(look).get("status") if look.answer.index < asked.entry.index else found
    return found
