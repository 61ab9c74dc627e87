"""The time that calls have, kept by one timer for all of them.

A timer for each call would cost as much as the rest of its bookkeeping, and each progress notification would set it
anew; here a call that is answered in time sets none, and progress moves a number.
"""

from __future__ import annotations

import asyncio

__all__ = ["Deadline", "Deadlines"]

_GRAIN = 0.005
"""Seconds between two looks at the deadlines, at the least."""


class Deadline:
    """The moment (of the loop's clock) at which the task that made it is cancelled, unless it is moved or forgotten."""

    __slots__ = ("_cancelling", "_task", "expired", "when")

    def __init__(self, when: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self.when = when
        self.expired = False

    def expire(self) -> None:
        """Cancel the task."""
        self.expired = True
        self._task.cancel()

    def caused(self) -> bool:
        """Tell, once the task was cancelled, whether that was for this deadline alone; the task is free again then
        (as `asyncio.timeout` does it)."""
        return self.expired and self._task.uncancel() <= self._cancelling


class Deadlines:
    """Watches over the deadlines of one connection, each under the id of its request."""

    __slots__ = ("_deadlines", "_loop", "_timer")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadlines: dict[object, Deadline] = {}
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """Return the time of the loop's clock."""
        return self._loop.time()

    def watch(self, key: object, deadline: Deadline) -> None:
        """Let a deadline count."""
        self._deadlines[key] = deadline
        if self._timer is None or deadline.when < self._timer.when():
            self._set(deadline.when)

    def forget(self, key: object) -> None:
        """Let a deadline count no more. The timer stays: the next call will want one."""
        del self._deadlines[key]

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
        later = min((deadline.when for deadline in ahead if not deadline.expired), default=None)
        if later is not None:
            self._set(max(later, now + _GRAIN))
