"""Handlers in worker threads, and how these learn that nobody waits for them any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

__all__ = ["in_thread", "stopping"]

_STOP: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


def stopping() -> bool:
    """Tell a function in a worker thread whether its call was cancelled or timed out: nothing else can stop a thread,
    so one that works for long looks here every now and then, and returns."""
    stop = _STOP.get()
    return stop is not None and stop.is_set()


async def in_thread(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function in a worker thread and return its result; if this is cancelled, `stopping` is true there."""
    stop = threading.Event()
    token = _STOP.set(stop)
    try:
        return await asyncio.to_thread(partial(function, *args, **kwargs))
    except asyncio.CancelledError:
        stop.set()
        raise
    finally:
        _STOP.reset(token)
