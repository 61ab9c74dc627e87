"""Monitors of those who ask for tasks and then about them (2025-11-25 `basic/utilities/tasks`, and the extension).

The target asks here, and we run the tasks: a server that makes a task of its question. Judges of clients look at the
same traffic, where it is the client that asks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from conformance.answering import related_to
from conformance.capabilities import declares
from conformance.check import monitor
from conformance.expect import Mismatch, brief, literal
from conformance.monitors.traffic import key, messages, revision_of
from conformance.questions import questions
from conformance.transcript import Conversation, Direction, Entry
from reference_impl.protocol.tasks import TERMINAL

__all__ = ["Look", "asked_of_us", "cursors", "input_fetched", "intervals", "looks", "unrelated"]

_METHODS = frozenset({"tasks/get", "tasks/result", "tasks/cancel", "tasks/list", "tasks/update"})
_NOTABLE = 1000
"""Milliseconds between two looks from which on haste can be told from the time that messages take."""
_LENIENCE = 0.75
_PATIENCE = 2
"""Looks that find a task in need of input, after which its result should have been asked for."""


@dataclass(frozen=True, slots=True)
class Look:
    """A request about a task, and the result that we gave."""

    entry: Entry
    message: dict[str, Any]
    answer: Entry | None
    result: dict[str, Any]

    @property
    def method(self) -> str:
        """Its method."""
        return str(self.message["method"])

    @property
    def params(self) -> dict[str, Any]:
        """Its params, or nothing."""
        params = self.message.get("params")
        return params if isinstance(params, dict) else {}

    @property
    def task(self) -> Any:
        """The id of the task that it is about."""
        return self.params.get("taskId")


def asked_of_us(conversation: Conversation) -> list[Look]:
    """Every request of the target about tasks, in order."""
    answers = [
        (entry, message)
        for entry in conversation.entries
        if entry.direction is Direction.SENT
        for message in messages(entry)
        if "method" not in message
    ]
    return [
        Look(entry, message, *_answer(entry, message, answers))
        for entry in conversation.received()
        for message in messages(entry)
        if message.get("method") in _METHODS and "id" in message
    ]


def _answer(
    entry: Entry, message: dict[str, Any], answers: list[tuple[Entry, dict[str, Any]]]
) -> tuple[Entry | None, dict[str, Any]]:
    for later, value in answers:
        if later.index > entry.index and key(value.get("id")) == key(message["id"]):
            result = value.get("result")
            return later, result if isinstance(result, dict) else {}
    return None, {}


def looks(conversation: Conversation) -> dict[Any, list[Look]]:
    """The `tasks/get` of each task that exists, by its id."""
    found: dict[Any, list[Look]] = {}
    for look in asked_of_us(conversation):
        if look.method == "tasks/get" and isinstance(look.result.get("taskId"), str):
            found.setdefault(look.result["taskId"], []).append(look)
    return found


@monitor("tasks.requestor.interval", "tasks.poll.interval")
def intervals(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Between two looks at a task there is as much time as the first look was told to leave."""
    for several in looks(conversation).values():
        for first, second in pairwise(several):
            told = first.result.get("pollInterval", first.result.get("pollIntervalMs"))
            if first.answer is None or not isinstance(told, int) or told < _NOTABLE:
                continue
            # From our answer on, which was written down before it went out, until the request was read.
            took = (second.entry.at - first.answer.at) * 1000
            fine = took >= _LENIENCE * told
            expected = f"{told} ms before the next {first.method}, as the last answer told"
            entries = [first.entry.index, first.answer.index, second.entry.index]
            yield None if fine else Mismatch(expected, f"{took:.0f} ms", entries)


@monitor("tasks.requestor.input", "tasks.input.result-called")
def input_fetched(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Whoever finds a task in need of input asks for its result, with which the questions come."""
    revision = revision_of(conversation)
    for identifier, several in looks(conversation).items() if revision is not None and revision.tasks else ():
        needy = [look for look in several if look.result.get("status") == "input_required"]
        over = next((look for look in several if look.result.get("status") in TERMINAL), None)
        fetched = [
            look.entry.index
            for look in asked_of_us(conversation)
            if look.method == "tasks/result" and look.task == identifier
        ]
        if needy and any(over is None or index < over.entry.index for index in fetched):
            yield None
        elif len(needy) >= _PATIENCE:
            actual = f"{len(needy)} times tasks/get, and no tasks/result before the task had ended"
            yield Mismatch("tasks/result for a task in need of input", actual, [look.entry.index for look in several])


@monitor("tasks.requestor.related", "tasks.related.requests")
def unrelated(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Requests about tasks do not name in their metadata the task that they are about."""
    revision = revision_of(conversation)
    for look in asked_of_us(conversation) if revision is not None and revision.tasks else ():
        named = related_to(look.message)
        expected = f"no related-task in the metadata of {look.method}"
        yield None if named is None else Mismatch(expected, brief(look.message), [look.entry.index])


@monitor("tasks.requestor.cursors", "tasks.list.cursor-opaque")
def cursors(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A cursor for tasks/list is one that came with a page, as it came."""
    given: list[str] = []
    revision = revision_of(conversation)
    for look in asked_of_us(conversation) if revision is not None and revision.tasks else ():
        if look.method == "tasks/list":
            cursor = look.params.get("cursor")
            if cursor is not None and cursor not in given:
                wanted = " or ".join(map(literal, given)) or "none, as no page has brought one"
                yield Mismatch(f"a cursor that came with a page: {wanted}", literal(cursor), [look.entry.index])
            elif cursor is not None:
                yield None
            given += [look.result["nextCursor"]] if isinstance(look.result.get("nextCursor"), str) else []


@monitor("tasks.requestor.declared", "tasks.request.declared", "tasks.request.undeclared")
def declared(conversation: Conversation) -> Iterator[Mismatch | None]:
    """A server asks for a task only where the client declares that it makes tasks of just that."""
    revision = revision_of(conversation)
    for question in questions(conversation) if revision is not None and revision.tasks else ():
        held = question.declared or {}
        path = f"tasks.requests.{question.method.replace('/', '.')}"
        if declares(held, path):
            if "task" in question.params:
                yield None
        elif "task" not in question.params:
            yield None
        else:
            mismatch = Mismatch(f"no task of a client that does not declare {path}", brief(question.params))
            mismatch.entries = (question.entry.index,)
            mismatch.breaks = f"tasks.request.{'declared' if declares(held, 'tasks') else 'undeclared'}"
            yield mismatch
