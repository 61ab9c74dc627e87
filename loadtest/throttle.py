"""The most that a run may ask of a target, whatever its model: a promise to whoever else uses it."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Throttle"]

_BURST_SECONDS = 0.1


class Throttle:
    """Holds requests back so that there are never more than `rate` a second; what a tenth of it makes may come at once.

    `held_back` counts the requests that had to wait: where there are any, the run shows the cap and not the target.
    """

    def __init__(
        self, rate: float, sleep: Callable[[float], None], now: Callable[[], float] = time.perf_counter
    ) -> None:
        self._interval = 1 / rate
        self._sleep = sleep
        self._now = now
        self._next = 0.0
        self.held_back = 0

    def admit(self) -> None:
        """Return when the next request may be sent."""
        now = self._now()
        turn = max(self._next, now - _BURST_SECONDS)
        self._next = turn + self._interval
        if turn > now:
            self.held_back += 1
            self._sleep(turn - now)
