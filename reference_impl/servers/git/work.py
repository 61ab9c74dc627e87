"""Work that blocks, in threads: told to stop by a flag that it polls, reporting progress from where it is."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from reference_impl.server import Context, ToolError
from reference_impl.servers.git.limits import GitLimits

__all__ = ["Job", "Workers"]

T = TypeVar("T")
_BETWEEN_REPORTS = 0.1
_GRACE = 2.0
"""Seconds past its time until a call is answered without its thread, which libgit2 may hold."""


class _Stopped(Exception):  # noqa: N818 - nobody hears of it: the caller has gone
    """The caller awaits this work no more."""


class Job:
    """What a piece of work knows of its caller; made for one thread."""

    __slots__ = ("_context", "_deadline", "_loop", "_reported", "_stopped")

    def __init__(self, context: Context | None, seconds: float) -> None:
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._deadline = time.monotonic() + seconds
        self._stopped = threading.Event()
        self._reported = 0.0

    def stop(self) -> None:
        """Let the work end at its next poll."""
        self._stopped.set()

    @property
    def late(self) -> bool:
        """Whether the time is over: who can give half an answer gives it now."""
        if self._stopped.is_set():
            raise _Stopped
        return time.monotonic() > self._deadline

    def check(self) -> None:
        """Poll. Raises `ToolError` when the time is over."""
        if self.late:
            raise ToolError("This took too long and was given up: ask for less, for one path or a smaller range")

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Report progress, not more often than people can read."""
        now = time.monotonic()
        if self._context is not None and now - self._reported > _BETWEEN_REPORTS:
            self._reported = now
            self._loop.call_soon_threadsafe(self._context.progress, done, total, message)


class Workers:
    """A few threads. Calls that find too many waiting are refused."""

    def __init__(self, limits: GitLimits) -> None:
        self._limits = limits
        self._pool = ThreadPoolExecutor(limits.threads, "git")
        self._running = 0

    async def run(self, context: Context | None, work: Callable[[Job], T]) -> T:
        """Do `work` in a thread and return what it returns; whoever stops waiting stops the work.

        Raises `ToolError` when there is too much to do or it takes too long, and what `work` raises.
        """
        if self._running >= self._limits.threads + self._limits.waiting:
            raise ToolError("Too many calls at once: try again in a moment")
        job = Job(context, self._limits.seconds)
        future = asyncio.get_running_loop().run_in_executor(self._pool, work, job)
        self._running += 1
        future.add_done_callback(self._ended)
        try:
            done, _ = await asyncio.wait({future}, timeout=self._limits.seconds + _GRACE)
        finally:
            job.stop()
        if not done:
            raise ToolError("This took too long and was given up: ask for less, for one path or a smaller range")
        return future.result()

    def _ended(self, future: asyncio.Future[T]) -> None:
        self._running -= 1
        if not future.cancelled():
            future.exception()  # looked at, so that nobody complains of one that came too late
