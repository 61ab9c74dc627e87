"""One timer for everybody who waits: a timer each would cost more than the rest of a call."""

from __future__ import annotations

import time
from typing import Protocol

import gevent

__all__ = ["Watched", "watch"]

_SECONDS = 0.05


class Watched(Protocol):
    """Where somebody may wait too long."""

    def reap(self, now: float) -> bool:
        """Give up what is out of time, `now` in seconds of `time.perf_counter`; return whether anybody waits still."""


class _Reaper:
    def __init__(self) -> None:
        self.watched: set[Watched] = set()
        self.greenlet: gevent.Greenlet | None = None

    def run(self) -> None:
        while self.watched:
            gevent.sleep(_SECONDS)
            now = time.perf_counter()
            self.watched = {each for each in self.watched if each.reap(now)}


_reaper = _Reaper()


def watch(watched: Watched) -> None:
    """Look after somebody, twenty times a second, until nobody waits there."""
    _reaper.watched.add(watched)
    if _reaper.greenlet is None or _reaper.greenlet.dead:
        _reaper.greenlet = gevent.spawn(_reaper.run)
