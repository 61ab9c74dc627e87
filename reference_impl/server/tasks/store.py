"""Where tasks are kept: the interface, and the store in memory.

A store of another kind (a database) lets results outlive the process. The work itself does not: a task that says
`working` in a store while no process works on it stays so until its time is over.
"""

from __future__ import annotations

from typing import Protocol

from reference_impl.protocol.task_table import TaskRecord, TaskTable

__all__ = ["MemoryTaskStore", "TaskStore"]


class TaskStore(Protocol):
    """Keeps records by task id. Once `add` has returned True, `find` finds the task (`extensions/tasks#task-creation`).

    Whose a task is, is the server's business: `find` gives any.
    """

    async def add(self, record: TaskRecord) -> bool:
        """Keep a new task; False if there is no room for it."""
        ...

    async def find(self, task_id: str) -> TaskRecord | None:
        """Return a task, or None."""
        ...

    async def put(self, record: TaskRecord) -> None:
        """Keep the newer state of a task; one that is gone stays gone."""

    async def of(self, owner: str) -> list[TaskRecord]:
        """Return all tasks of an owner, oldest first."""
        ...

    async def remove(self, task_id: str) -> None:
        """Forget a task."""

    async def expire(self, now: float) -> float | None:
        """Forget the tasks whose time is over; return when the next one's will be (POSIX seconds), or None."""
        ...


class MemoryTaskStore:
    """A `TaskStore` in this process: at most `most` tasks, and `most_of_one` of each owner who can be told apart."""

    def __init__(self, most: int = 10_000, most_of_one: int = 100) -> None:
        self._table = TaskTable(most, most_of_one)

    def __len__(self) -> int:
        return len(self._table)

    async def add(self, record: TaskRecord) -> bool:
        """Keep a new task; False if there is no room for it."""
        return self._table.add(record)

    async def find(self, task_id: str) -> TaskRecord | None:
        """Return a task, or None."""
        return self._table.find(task_id)

    async def put(self, record: TaskRecord) -> None:
        """Keep the newer state of a task; one that is gone stays gone."""
        self._table.put(record)

    async def of(self, owner: str) -> list[TaskRecord]:
        """Return all tasks of an owner, oldest first."""
        return self._table.of(owner)

    async def remove(self, task_id: str) -> None:
        """Forget a task."""
        self._table.remove(task_id)

    async def expire(self, now: float) -> float | None:
        """Forget the tasks whose time is over; return when the next one's will be, or None."""
        self._table.expire(now)
        return self._table.next_expiry
