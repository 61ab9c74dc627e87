"""Clocks that stop while a user is asked: those of requests, and that of the probe for the server's era. And work that
is not left half done by whoever loses patience."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio

from reference_impl.client import deadlines

__all__ = ["Clock", "finished", "hurried", "running", "unhurried"]

_FAREWELL = 5.0
"""Seconds that work may go on after nobody waits for it any more."""
_Result = TypeVar("_Result")


@dataclass(slots=True, eq=False)
class Clock:
    """The deadline of a scope, how many questions are open, and what was left when the first of them was asked."""

    scope: anyio.CancelScope
    questions: int = 0
    left: float = 0.0

    def stop(self) -> None:
        """Stand still, as long as anybody is asked."""
        self.questions += 1
        if self.questions == 1:
            self.left = self.scope.deadline - anyio.current_time()
            self.scope.deadline = math.inf

    def go_on(self) -> None:
        """Go on, once nobody is asked any more."""
        self.questions -= 1
        if self.questions == 0:
            self.scope.deadline = anyio.current_time() + self.left


_clocks: ContextVar[tuple[Clock, ...]] = ContextVar("clocks", default=())


@contextmanager
def hurried(scope: anyio.CancelScope) -> Iterator[Clock]:
    """Let the deadline of a scope be one of those that stop, for what is started inside the block."""
    clock = Clock(scope)
    with running((clock,)):
        yield clock


@contextmanager
def running(clocks: Iterable[Clock]) -> Iterator[None]:
    """Let these clocks stop, too, for what is started inside the block."""
    token = _clocks.set(tuple(dict.fromkeys((*_clocks.get(), *clocks))))
    try:
        yield
    finally:
        _clocks.reset(token)


@contextmanager
def unhurried() -> Iterator[None]:
    """Stop the clocks for the length of the block; each goes on with the time that it had left."""
    stopped = _clocks.get()
    for clock in stopped:
        clock.stop()
    try:
        with deadlines.unhurried():
            yield
    finally:
        for clock in stopped:
            clock.go_on()


async def finished(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of work that has to come to its end: a cancellation waits for that, a few seconds long."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with anyio.move_on_after(_FAREWELL, shield=True):
            await asyncio.wait([task])
        task.cancel()
        raise
