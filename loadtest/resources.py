"""What a run costs in processor time, memory, descriptors and threads, read from the processes of this machine."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import psutil

from reports.records import CostSample, TargetCost

__all__ = ["ProcessTrees", "processor_seconds", "summarize"]


class ProcessTrees:
    """Watches processes with all their descendants. Those that end meanwhile are no longer counted.

    What a process used before it was first seen is not counted: `sample` gives the use since the sample before.
    """

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = tuple(pids)
        self._used: dict[tuple[int, float], float] = {}
        self._last: float | None = None

    def sample(self, at: float) -> CostSample | None:
        """Return the use at `at` (seconds of the run); None at the first call or where no process is left."""
        processes = [each for pid in self._pids for each in _tree(pid)]
        used, before = self._read_processor(processes), self._last
        self._last = at
        if before is None or at <= before or not processes:
            return None
        memory, descriptors, threads = (sum(each) for each in zip(*map(_footprint, processes), strict=True))
        return CostSample(
            second=at,
            cpu_percent=100 * used / (at - before),
            rss_bytes=memory,
            fds=descriptors or None,
            threads=threads or None,
        )

    def _read_processor(self, processes: list[psutil.Process]) -> float:
        """Return the processor seconds since the last reading."""
        now = {}
        for process in processes:
            seconds = processor_seconds(process)
            if seconds is not None:
                # A pid may come back as another process; its start tells them apart.
                now[process.pid, process.create_time()] = seconds
        used = sum(seconds - self._used.get(key, seconds) for key, seconds in now.items())
        self._used = now
        return used


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def processor_seconds(process: psutil.Process) -> float | None:
    """Return the processor time a process has used, None if it is gone or not ours to look at."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return None
    return float(times.user + times.system)


def _footprint(process: psutil.Process) -> tuple[int, int, int]:
    try:
        with process.oneshot():
            descriptors = process.num_fds() if psutil.POSIX else 0
            return process.memory_info().rss, descriptors, process.num_threads()
    except psutil.Error:
        return 0, 0, 0


def summarize(series: Iterable[CostSample]) -> TargetCost | None:
    """Return the sum, the mean and the peaks of a series, None if it is empty."""
    samples = tuple(series)
    if not samples:
        return None
    # A sample tells of the time since the one before; the first of them, since the beginning.
    spans = [end - begin for begin, end in pairwise((0.0, *(each.second for each in samples)))]
    used = sum(each.cpu_percent / 100 * span for each, span in zip(samples, spans, strict=True))
    return TargetCost(
        cpu_percent_mean=100 * used / sum(spans) if sum(spans) > 0 else 0.0,
        cpu_percent_max=max(each.cpu_percent for each in samples),
        rss_bytes_max=max(each.rss_bytes for each in samples),
        fds_max=max((each.fds for each in samples if each.fds is not None), default=None),
        threads_max=max((each.threads for each in samples if each.threads is not None), default=None),
        series=samples,
        cpu_seconds=used,
    )
