"""The pulse of a visit: when something last happened, and a bounded wait for something to happen."""

from __future__ import annotations

import time
from collections.abc import Callable

import anyio

__all__ = ["Pulse"]


class Pulse:
    """When a visit is over: `start` seconds after its begin where nothing happens, `idle` after the last word, and
    `whole` after its begin whatever happens. `wait` is how long an answer is waited for."""

    def __init__(self, start: float, idle: float, whole: float, wait: float) -> None:
        self._start, self._idle, self._whole, self._wait = start, idle, whole, wait
        self._last: float | None = None
        self._began = time.monotonic()
        self._news = anyio.Event()

    def beat(self) -> None:
        """Note that something happened."""
        self._last = time.monotonic()
        self.ring()

    def ring(self) -> None:
        """Wake those who wait, without anything having been said."""
        self._news.set()
        self._news = anyio.Event()

    async def until(self, holds: Callable[[], bool], seconds: float | None = None) -> None:
        """Wait until something holds, or for as many seconds, or until the wait for an answer is over."""
        with anyio.move_on_after(self._wait if seconds is None else seconds):
            while not holds():
                await self._news.wait()

    async def stops(self, enough: Callable[[], bool]) -> None:
        """Return when nothing has happened for too long, or too much, or enough."""
        while (left := self._left()) > 0 and not enough():
            with anyio.move_on_after(left):
                await self._news.wait()

    def _left(self) -> float:
        now = time.monotonic()
        quiet = self._began + self._start if self._last is None else self._last + self._idle
        return min(quiet, self._began + self._whole) - now
