"""One generator's part of a run that several make together: which arrivals and users are its own, and when it begins.

Arrivals are dealt out in turn, so that the run as a whole keeps to the one schedule of its seed, however many share it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from loadtest.reporting import Delta

__all__ = ["ALONE", "Part"]


def _at_once(pids: tuple[int, ...]) -> float:  # noqa: ARG001 - the signature of those that agree with others
    return time.perf_counter()


@dataclass(frozen=True, slots=True)
class Part:
    """Worker `worker` of `workers`, counted from 0.

    `begin` is called when all users are ready, with the processes that they started; it returns, when the load is to
    begin, that moment in seconds of `time.perf_counter`. `report` is given what was recorded, about once a second;
    without it, everything is kept for the end. `patience` is how long (seconds) the others may take until then.
    """

    worker: int = 0
    workers: int = 1
    begin: Callable[[tuple[int, ...]], float] = _at_once
    report: Callable[[Delta], None] | None = None
    patience: float = 0.0

    def arrivals(self, starts: Iterator[float]) -> Iterator[float]:
        """Yield this worker's own of all arrivals."""
        return itertools.islice(starts, self.worker, None, self.workers)

    def users(self, users: int, least: int = 0) -> int:
        """Return how many of all users are this worker's, at least so many."""
        return max(least, len(range(self.worker, users, self.workers)))


ALONE = Part()
