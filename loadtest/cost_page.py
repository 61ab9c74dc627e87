"""What a process with all its descendants costs, as the page that servers of Prometheus and `--target-metrics` read.

The names are those that client libraries of Prometheus give a process; threads have none there.
"""

from __future__ import annotations

from collections.abc import Iterator

import psutil

from loadtest.exposition import Family, Sample, page
from loadtest.resources import processor_seconds

__all__ = ["CostPage", "listener"]


class CostPage:
    """Makes the page anew each time it is called. The processor time of processes that have ended stays counted."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._used: dict[tuple[int, float], float] = {}

    @property
    def shown(self) -> str:
        """Whose cost it is."""
        return f"{self._root.name()} ({self._root.pid})"

    def __call__(self) -> bytes:
        """Return the page; without figures where the process has ended."""
        try:
            processes = [self._root, *self._root.children(recursive=True)] if self._root.is_running() else []
        except psutil.Error:
            processes = []
        return page(self._families(processes))

    def _families(self, processes: list[psutil.Process]) -> Iterator[Family]:
        for process in processes:
            seconds = processor_seconds(process)
            if seconds is not None:
                self._used[process.pid, process.create_time()] = seconds
        footprints = [each for each in map(_footprint, processes) if each is not None]
        if not footprints:
            return
        memory, descriptors, threads = (float(sum(each)) for each in zip(*footprints, strict=True))
        figures = (
            ("process_cpu_seconds_total", "Processor time used.", sum(self._used.values())),
            ("process_resident_memory_bytes", "Resident memory.", memory),
            ("process_open_fds", "Open descriptors.", descriptors),
            ("process_threads", "Threads.", threads),
            ("process_start_time_seconds", "When the first process started (Unix time).", self._root.create_time()),
            ("touchstone_processes", "Processes that these figures add up.", float(len(footprints))),
        )
        for name, said, value in figures:
            yield Family(name, "counter" if name.endswith("_total") else "gauge", said, (Sample(value),))


def _footprint(process: psutil.Process) -> tuple[int, int, int] | None:
    try:
        with process.oneshot():
            return process.memory_info().rss, process.num_fds() if psutil.POSIX else 0, process.num_threads()
    except psutil.Error:
        return None


def listener(port: int) -> int | None:
    """Return the process that listens at a port of this machine, if it can be told."""
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return None
    for each in connections:
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
            return each.pid
    return None
