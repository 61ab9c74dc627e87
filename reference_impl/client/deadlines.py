"""The time that calls have, kept by one timer for all of them.

A timer for each call would cost as much as the rest of its bookkeeping, and each progress notification would set it
anew; here a call that is answered in time sets none, and progress moves a number.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from weakref import WeakSet

__all__ = ["Deadline", "Deadlines", "unhurried"]

_GRAIN = 0.005
"""Seconds between two looks at the deadlines, at the least."""


class Deadline:
    """The moment (of the loop's clock) at which the task that made it is cancelled, unless it is forgotten or moved,
    which nobody does beyond `latest`."""

    __slots__ = ("_cancelling", "expired", "latest", "task", "when")

    def __init__(self, when: float, latest: float = math.inf) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.task = task
        self._cancelling = task.cancelling()
        self.when, self.latest = when, latest
        self.expired = False

    def expire(self) -> None:
        """Cancel the task."""
        self.expired = True
        self.task.cancel()

    def caused(self) -> bool:
        """Tell, once the task was cancelled, whether that was for this deadline alone; the task is free again then
        (as `asyncio.timeout` does it)."""
        return self.expired and self.task.uncancel() <= self._cancelling


class Deadlines:
    """Watches over the deadlines of one connection, each under the id of its request."""

    __slots__ = ("__weakref__", "_deadlines", "_loop", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadlines: dict[object, Deadline] = {}
        self._timer: asyncio.TimerHandle | None = None
        _connections.add(self)

    def now(self) -> float:
        """Return the time of the loop's clock."""
        return self._loop.time()

    def watch(self, key: object, deadline: Deadline) -> None:
        """Let a deadline count."""
        self._deadlines[key] = deadline
        self.move(deadline, deadline.when)

    def move(self, deadline: Deadline, when: float) -> None:
        """Let a deadline that counts be sooner or later."""
        deadline.when = when
        if self._timer is None or when < self._timer.when():
            self._set(when)

    def forget(self, key: object) -> None:
        """Let a deadline count no more. The timer stays: the next call will want one."""
        del self._deadlines[key]

    def of(self, task: asyncio.Task[object] | None) -> list[Deadline]:
        """Return the deadlines that would cancel a task."""
        return [deadline for deadline in self._deadlines.values() if deadline.task is task]

    @contextmanager
    def asked(self) -> Iterator[None]:
        """Let the clocks of all calls stop with those of this task: its user is asked in one of them, and a server that
        asks by a request of its own does not say in which."""
        token = _asked.set(self)
        try:
            yield
        finally:
            _asked.reset(token)

    def all(self) -> list[Deadline]:
        """Return every deadline."""
        return list(self._deadlines.values())

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self, when: float) -> None:
        self.close()
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        ahead = [deadline for deadline in self._deadlines.values() if not deadline.expired]
        for deadline in ahead:
            if deadline.when <= now:
                deadline.expire()
        later = min((deadline.when for deadline in ahead if not deadline.expired), default=math.inf)
        if later < math.inf:
            self._set(max(later, now + _GRAIN))


_connections: WeakSet[Deadlines] = WeakSet()
_asked: ContextVar[Deadlines | None] = ContextVar("asked", default=None)


@contextmanager
def unhurried() -> Iterator[None]:
    """Stop the clocks of this task for the length of the block; each goes on with the time that it had left.

    For what a user is asked in the middle of a request: nobody types a password within its timeout.
    """
    task, now = asyncio.current_task(), asyncio.get_running_loop().time()
    asked = _asked.get()
    stopped = [(kept, kept.all() if kept is asked else kept.of(task)) for kept in list(_connections)]
    # One that stands still already is another question's to start again.
    clocks = [(kept, deadline) for kept, deadlines in stopped for deadline in deadlines if deadline.when < math.inf]
    left = [deadline.when - now for _, deadline in clocks]
    for _, deadline in clocks:
        deadline.when = math.inf
    try:
        yield
    finally:
        stood = asyncio.get_running_loop().time() - now
        for (kept, deadline), seconds in zip(clocks, left, strict=True):
            deadline.latest += stood
            kept.move(deadline, now + stood + seconds)
