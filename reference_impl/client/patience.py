"""Clocks that stop while a user is asked: those of requests, and that of the probe for the server's era."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import anyio

from reference_impl.client import deadlines

__all__ = ["hurried", "unhurried"]

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
