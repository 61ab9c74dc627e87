"""Clocks that stop while a user is asked: those of requests, and that of the probe for the server's era. And work that
is not left half done by whoever loses patience."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import anyio

from reference_impl.client import deadlines

__all__ = ["finished", "hurried", "unhurried"]

_FAREWELL = 5.0
"""Seconds that work may go on after nobody waits for it any more."""
_Result = TypeVar("_Result")

_clocks: ContextVar[tuple[anyio.CancelScope, ...]] = ContextVar("clocks", default=())


@contextmanager
def hurried(scope: anyio.CancelScope) -> Iterator[None]:
    """Let the deadline of a scope be one of those that stop, for what is started inside the block."""
    token = _clocks.set((*_clocks.get(), scope))
    try:
        yield
    finally:
        _clocks.reset(token)


@contextmanager
def unhurried() -> Iterator[None]:
    """Stop the clocks for the length of the block; each goes on with the time that it had left."""
    now = anyio.current_time()
    stopped = [(scope, scope.deadline - now) for scope in _clocks.get()]
    for scope, _ in stopped:
        scope.deadline = math.inf
    try:
        with deadlines.unhurried():
            yield
    finally:
        now = anyio.current_time()
        for scope, left in stopped:
            scope.deadline = now + left


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
