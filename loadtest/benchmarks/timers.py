"""`python -m loadtest.benchmarks.timers PROCESSOR`: what does the machine itself take from all who run on a processor?

Timers that do nothing else are due every two milliseconds, on a schedule: those that a stall of the machine holds up
count one by one, as the calls do that it holds up. One step above the priority that the process was started with, where
that is a real-time one, so that whoever is measured cannot hide behind what it does to the timers itself. When standard
input ends, the lateness is printed: milliseconds, percentile 99.95.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

__all__ = ["main", "timers"]

_INTERVAL = 0.002
_SHARE = 0.9995
"""A call waits for two processors, for each twice: half of those that p99.9 leaves out."""


@contextmanager
def timers(processors: Iterable[int]) -> Iterator[list[float]]:
    """Run timers on each of these processors. At the end of the block the list has how late they were, milliseconds."""
    lags: list[float] = []
    command = (sys.executable, "-m", __name__)
    running = [
        subprocess.Popen([*command, str(each)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own
        for each in processors
    ]
    try:
        for process in running:
            assert process.stdout is not None
            process.stdout.readline()
        yield lags
        lags.extend(float(process.communicate()[0]) for process in running)
    finally:
        for process in running:
            process.kill()
            process.wait()


def _pin(processor: int) -> None:
    if sys.platform != "linux":
        return
    os.sched_setaffinity(0, {processor})
    policy, given = os.sched_getscheduler(0), os.sched_getparam(0).sched_priority
    if policy in (os.SCHED_FIFO, os.SCHED_RR):
        os.sched_setscheduler(0, policy, os.sched_param(given + 1))


def main() -> None:
    """Let timers run out until standard input ends."""
    _pin(int(sys.argv[1]))
    lateness: list[float] = []
    print("ready", flush=True)  # noqa: T201 - its parent waits for it
    due = time.perf_counter()
    while not select.select([0], [], [], max(0.0, due - time.perf_counter()))[0]:
        lateness.append(max(0.0, time.perf_counter() - due))
        due += _INTERVAL
    beyond = int(len(lateness) * (1 - _SHARE))
    print(round(1000 * sorted(lateness or [0.0])[-1 - beyond], 3), flush=True)  # noqa: T201 - and for this


if __name__ == "__main__":
    main()
