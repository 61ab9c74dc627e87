"""A bounded table of tasks: who owns them, what became of them, and when they may be forgotten.

It has no clock; times come in as POSIX seconds. The server's store in memory is such a table, and so are the tasks that
a client carries out for its server.
"""

from __future__ import annotations

import heapq

import msgspec

from reference_impl.protocol.tasks import Task

__all__ = ["ANYBODY", "TaskRecord", "TaskTable"]

ANYBODY = ""
"""The owner of tasks whose requestors cannot be told apart: their ids alone protect them."""

_SLACK = 64


class TaskRecord(msgspec.Struct, frozen=True):
    """A task as it is kept. `result` and `error` are JSON as bytes: what the request came to, which nobody can change
    any more. `expires_at` is in POSIX seconds."""

    task: Task
    owner: str
    expires_at: float
    result: bytes | None = None
    error: bytes | None = None


class TaskTable:
    """At most `most` tasks, and `most_of_one` of each owner but `ANYBODY`; those of one owner in order of creation."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._records: dict[str, TaskRecord] = {}
        self._owned: dict[str, dict[str, None]] = {}
        self._expiries: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: TaskRecord) -> bool:
        """Keep a new task; False if there is no room for it."""
        owned = self._owned.get(record.owner, {})
        full = record.owner != ANYBODY and len(owned) >= self._most_of_one
        if full or len(self._records) >= self._most:
            return False
        self._records[record.task.id] = record
        self._owned.setdefault(record.owner, {})[record.task.id] = None
        heapq.heappush(self._expiries, (record.expires_at, record.task.id))
        return True

    def find(self, task_id: str) -> TaskRecord | None:
        """Return a task, or None."""
        return self._records.get(task_id)

    def put(self, record: TaskRecord) -> None:
        """Keep the newer state of a task; one that is gone stays gone."""
        if record.task.id in self._records:
            self._records[record.task.id] = record

    def of(self, owner: str) -> list[TaskRecord]:
        """Return all tasks of an owner, oldest first."""
        return [self._records[task_id] for task_id in self._owned.get(owner, ())]

    def remove(self, task_id: str) -> TaskRecord | None:
        """Forget a task and return it."""
        record = self._records.pop(task_id, None)
        if record is not None:
            owned = self._owned[record.owner]
            del owned[task_id]
            if not owned:
                del self._owned[record.owner]
        if len(self._expiries) > 2 * len(self._records) + _SLACK:
            self._expiries = [(kept.expires_at, name) for name, kept in self._records.items()]
            heapq.heapify(self._expiries)
        return record

    def expire(self, now: float) -> list[TaskRecord]:
        """Forget the tasks whose time is over and return them."""
        gone: list[TaskRecord] = []
        while self._expiries and self._expiries[0][0] <= now:
            _, task_id = heapq.heappop(self._expiries)
            record = self.remove(task_id)
            if record is not None:
                gone.append(record)
        return gone

    @property
    def next_expiry(self) -> float | None:
        """When `expire` will be worth a call, or None while the table is empty."""
        return self._expiries[0][0] if self._expiries else None
