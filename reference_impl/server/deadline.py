"""A bound on the time of a handler, which rests while the client is asked something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass

__all__ = ["deadline", "lift_deadline", "paused"]


@dataclass(slots=True, eq=False)
class _Bound:
    """A deadline, how many questions are open, and the seconds that were left when the first of them was asked."""

    timeout: asyncio.Timeout
    for_tasks: bool
    questions: int = 0
    left: float | None = None

    def rest(self) -> None:
        self.questions += 1
        at = self.timeout.when()
        if self.questions == 1 and at is not None:
            self.left = at - asyncio.get_running_loop().time()
            self._end(None)

    def go_on(self) -> None:
        self.questions -= 1
        if self.questions == 0 and self.left is not None:
            self._end(asyncio.get_running_loop().time() + self.left)

    def lift(self) -> None:
        self.left = None
        self._end(None)

    def _end(self, at: float | None) -> None:
        with suppress(RuntimeError):  # it is over; whoever asks goes on behind it
            self.timeout.reschedule(at)


_RUNNING: ContextVar[_Bound | None] = ContextVar("deadline", default=None)


@asynccontextmanager
async def deadline(seconds: float, *, for_tasks: bool = False) -> AsyncIterator[asyncio.Timeout]:
    """Cancel what is in this context after `seconds`, `for_tasks` even if it becomes a task. Raises `TimeoutError`;
    `expired()` of what it yields tells whose that was."""
    token = _RUNNING.set(None)
    try:
        async with asyncio.timeout(seconds) as bound:
            _RUNNING.set(_Bound(bound, for_tasks))
            yield bound
    finally:
        _RUNNING.reset(token)


def lift_deadline() -> None:
    """Let the deadline around this hold no more, as it became a task, unless it is one for tasks as well."""
    bound = _RUNNING.get()
    if bound is not None and not bound.for_tasks:
        bound.lift()


@contextmanager
def paused() -> Iterator[None]:
    """Let the deadline around this, if there is one, rest for the length of a block; several may be open at once."""
    bound = _RUNNING.get()
    if bound is None or bound.timeout.expired():
        yield
        return
    bound.rest()
    try:
        yield
    finally:
        bound.go_on()
