"""Work that blocks, in a thread that hears when nobody wants its result any more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from reference_impl.server import Context

__all__ = ["AbandonedError", "Job", "run"]

Value = TypeVar("Value")
_REPORT_EVERY = 0.2
"""Seconds between two reports of progress."""


class AbandonedError(Exception):
    """The request was cancelled; nobody will see what the work came to."""


class Job:
    """What the work knows of the request it serves: whether it still matters, how long it may take, where to report."""

    __slots__ = ("_report", "_reported", "_stopped", "ends")

    def __init__(self, seconds: float, report: Callable[[int, str], None] | None = None) -> None:
        self.ends = time.monotonic() + seconds
        self._stopped = False
        self._report = report
        self._reported = 0.0

    def stop(self) -> None:
        """Let the work end at its next step."""
        self._stopped = True

    def step(self) -> None:
        """Raise `AbandonedError` if the work is wanted no more."""
        if self._stopped:
            raise AbandonedError

    @property
    def late(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.ends

    def report(self, count: int, message: str) -> None:
        """Tell the client how far it is, now and then."""
        now = time.monotonic()
        if self._report is not None and now - self._reported >= _REPORT_EVERY:
            self._reported = now
            self._report(count, message)


async def run(
    work: Callable[[Job], Value], seconds: float, *, context: Context | None = None, executor: Executor | None = None
) -> Value:
    """Run `work` in a thread; it is told to stop when this is cancelled. Its time counts from when it begins."""
    loop = asyncio.get_running_loop()

    def report(count: int, message: str) -> None:
        if context is not None and not loop.is_closed():
            loop.call_soon_threadsafe(context.progress, count, None, message)

    job = Job(seconds, report)

    def begin() -> Value:
        job.step()
        job.ends = time.monotonic() + seconds
        return work(job)

    try:
        return await loop.run_in_executor(executor, begin)
    finally:
        job.stop()
