"""Which request a message answers, on a channel that carries many conversations' turns at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import anyio

from conformance.transcript import Entry, owner

__all__ = ["Matcher", "Waiting"]


@dataclass(slots=True)
class Waiting:
    """A request that waits for its answer: `entry`, once `done` is set."""

    id: Any
    since: int
    """The length of the transcript when it began to wait."""
    owner: str | None
    done: anyio.Event
    told: frozenset[str]
    """The methods of the notifications that had been sent before."""
    defect: str | None = None
    entry: Entry | None = None


class Matcher:
    """The requests of one channel that wait for answers, and what was sent that might draw an answer by mistake."""

    def __init__(self) -> None:
        self.ignored: frozenset[str] = frozenset()
        """Notifications that the target was seen to leave alone: it answered a request that came after them."""
        self._waiting: list[Waiting] = []
        self._told: list[str] = []
        self._spoiled = False
        self._without_id = 0

    @contextmanager
    def awaiting(self, requests: list[dict[str, Any]], since: int, defect: str | None) -> Iterator[list[Waiting]]:
        """Wait for answers to `requests` for the time of the block."""
        told, whose = frozenset(self._told), owner.get()
        awaited = [Waiting(request.get("id"), since, whose, anyio.Event(), told, defect) for request in requests]
        self._waiting += awaited
        try:
            yield awaited
        finally:
            for waiting in awaited:
                self._waiting.remove(waiting)

    def sent(self, entry: Entry) -> None:
        """Note what goes out, whether or not it wants an answer."""
        self._spoiled = self._spoiled or entry.defect is not None
        if entry.is_notification():
            self._told.append(str(entry.value["method"]))

    def answered(self, waiting: Waiting, entry: Entry) -> None:
        """Give `waiting` its answer. Notifications sent before it were left alone, unless an answer that lost its id
        may have been theirs."""
        if not self._without_id:
            self.ignored |= waiting.told
        waiting.entry = entry
        waiting.done.set()

    def give_up(self) -> None:
        """Wake all that wait: no answer will come any more."""
        for waiting in self._waiting:
            waiting.done.set()

    def find(self, value: Any) -> Waiting | None:
        """Find the request that a message answers.

        An answer whose id has the wrong type, or that lost its id, still belongs to somebody: delivering it keeps one
        defect one finding, which the monitor of ids reports. Without an id it may be meant for something unreadable
        that was sent before (`basic/index#error-responses`), and then answers a defective request or none; or for a
        notification, which is wrong but no answer to a request; else for the request that has waited longest.
        """
        if not isinstance(value, dict) or "method" in value or not ("result" in value or "error" in value):
            return None
        identifier = value.get("id")
        open_ones = [waiting for waiting in self._waiting if waiting.entry is None]
        if identifier is None:
            return self._find_without_id(open_ones)
        exact = (one for one in open_ones if type(one.id) is type(identifier) and one.id == identifier)
        alike = (one for one in open_ones if _resembles(one.id, identifier))
        return next(chain(exact, alike), None)

    def _find_without_id(self, open_ones: list[Waiting]) -> Waiting | None:
        defective = [waiting for waiting in open_ones if waiting.defect]
        if defective:
            return defective[0] if len(defective) == 1 else None
        self._without_id += 1
        doubtful = [method for method in self._told if method not in self.ignored]
        if self._spoiled or self._without_id <= len(doubtful):
            return None
        return next(iter(open_ones), None)


def _resembles(wanted: Any, identifier: Any) -> bool:
    """Whether an id is meant to be `wanted`, though its JSON type or spelling is another ("1" or 1.0 for 1)."""
    same_number = isinstance(identifier, float) and isinstance(wanted, int | float) and wanted == identifier
    return same_number or str(wanted) == str(identifier)
