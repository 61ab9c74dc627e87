"""Handlers in worker threads, and how these learn that nobody waits for them any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import lru_cache, partial
from typing import Any

__all__ = ["MOST_THREADS", "in_thread", "stopping"]

MOST_THREADS = 64
"""Handlers in threads at the same time; more of them wait. The loop's own threads, which look up names, are others, so
that handlers that hang take nothing from these."""

_STOP: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


def stopping() -> bool:
    """Tell a function in a worker thread whether its call was cancelled or timed out: nothing else can stop a thread,
    so one that works for long looks here every now and then, and returns."""
    stop = _STOP.get()
    return stop is not None and stop.is_set()


async def in_thread(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Call a function in a worker thread and return its result; if this is cancelled, `stopping` is true there.

    Raises what the function raises, and `RuntimeError` in the place of what no event loop carries on to who awaits it.
    """
    stop, context = threading.Event(), copy_context()
    context.run(_STOP.set, stop)
    call = partial(context.run, _contained, partial(function, *args, **kwargs))
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool(), call)
    except asyncio.CancelledError:
        stop.set()
        raise


def _contained(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (StopIteration, GeneratorExit, SystemExit) as error:  # the last would end the server, and all other calls
        raise RuntimeError(f"the function ended with {type(error).__name__}") from error


@lru_cache(1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(MOST_THREADS, "handler")
