"""The machine that is measured on: which core does what, what a process used, and who else was at work.

Where the system has no affinity (or one core), nothing is pinned, and the report says so.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

from loadtest.resources import processor_seconds

__all__ = ["GENERATOR", "MEASURED", "Usage", "Watch", "on_core", "seconds_at_work", "started"]

_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
_APART = len(_CORES) >= 2
MEASURED: int | None = _CORES[0] if _APART else None
"""The core of what is measured; None where nothing can be pinned."""
GENERATOR: int | None = _CORES[1] if _APART else None
"""The core of what makes the load."""
_PATIENCE = 10.0


@contextmanager
def on_core(core: int | None) -> Iterator[None]:
    """Run this thread, and what it starts meanwhile, on `core` (None: wherever the system likes)."""
    if core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def started(command: Sequence[str], core: int | None, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process on a core for the time of the block, then end it. `options` are those of `Popen`."""
    with on_core(core):
        process = subprocess.Popen(command, **options)  # noqa: S603 - commands of this package
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_PATIENCE)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@dataclass(frozen=True, slots=True)
class Usage:
    """What went on during a measurement: wall seconds, processor seconds of the measured process, and the share of
    the two cores that others took (1.0 is one core; None where nobody can tell)."""

    seconds: float
    processor: float
    others: float | None


class Watch:
    """Started with a measurement; `read` tells the `Usage` since then. `pid` is the measured process."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._began = time.perf_counter()
        self._before = self._read()

    def _read(self) -> tuple[float, float, float | None]:
        used = processor_seconds(self._process) or 0.0
        return used, time.process_time(), seconds_at_work()

    def read(self) -> Usage:
        """Return the use since the start."""
        seconds = time.perf_counter() - self._began
        used, own, busy = (
            None if after is None or before is None else after - before
            for before, after in zip(self._before, self._read(), strict=True)
        )
        processor = used or 0.0
        others = None if busy is None else max(0.0, busy - processor - (own or 0.0)) / seconds
        return Usage(seconds, processor, others)


def seconds_at_work() -> float | None:
    """Return the seconds for which the two cores have been at work since the machine started."""
    if not _APART:
        return None
    cores = psutil.cpu_times(percpu=True)
    return sum(sum(cores[core]) - cores[core].idle - getattr(cores[core], "iowait", 0.0) for core in _CORES[:2])
