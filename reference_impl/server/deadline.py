"""A bound on the time of a handler, which rests while the client is asked something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar

__all__ = ["deadline", "paused"]

_RUNNING: ContextVar[asyncio.Timeout | None] = ContextVar("deadline", default=None)


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[asyncio.Timeout]:
    """Cancel what is in this context after `seconds`. Raises `TimeoutError`; `expired()` of what it yields tells whose
    that was."""
    token = _RUNNING.set(None)
    try:
        async with asyncio.timeout(seconds) as bound:
            _RUNNING.set(bound)
            yield bound
    finally:
        _RUNNING.reset(token)


@contextmanager
def paused() -> Iterator[None]:
    """Let the deadline around this, if there is one, rest for the length of a block."""
    bound = _RUNNING.get()
    at = None if bound is None else bound.when()
    if bound is None or at is None or bound.expired():
        yield
        return
    left = at - asyncio.get_running_loop().time()
    with suppress(RuntimeError):  # it is over; this goes on behind it
        bound.reschedule(None)
    try:
        yield
    finally:
        with suppress(RuntimeError):  # it is over
            bound.reschedule(asyncio.get_running_loop().time() + left)
