"""What a worker tells its master, so that each word of it arrives once, whatever becomes of the connection."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec

from loadtest.fleet import Parcel
from loadtest.reporting import Report

__all__ = ["Inbox", "Outbox"]

_AGAIN_SECONDS = 3.0


class Outbox:
    """Numbers reports and keeps each until it is acknowledged; what waits for too long is sent again."""

    def __init__(self, send: Callable[[Parcel], None]) -> None:
        self._send = send
        self._number = 0
        self._kept: dict[int, tuple[float, Parcel]] = {}

    def put(self, report: Report, late: float = 0.0) -> None:
        """Send a report."""
        self._number += 1
        part = Parcel(number=self._number, report=msgspec.Raw(msgspec.json.encode(report)), late=late)
        self._kept[part.number] = (time.monotonic(), part)
        self._send(part)

    def acknowledge(self, number: int) -> None:
        """Forget what has come."""
        for each in [each for each in self._kept if each <= number]:
            del self._kept[each]

    def again(self, after: float = _AGAIN_SECONDS) -> None:
        """Send again what was sent longer ago than this many seconds."""
        now = time.monotonic()
        for number, (sent, part) in list(self._kept.items()):
            if now - sent >= after:
                self._kept[number] = (now, part)
                self._send(part)

    @property
    def empty(self) -> bool:
        """Whether all that was sent has come."""
        return not self._kept


class Inbox:
    """The other end: gives each part once, and in order."""

    def __init__(self) -> None:
        self._early: dict[int, Parcel] = {}
        self.number = 0
        """The last of all that have come without a gap."""

    def take(self, part: Parcel) -> list[Parcel]:
        """Take a part that came; return those whose turn it is now."""
        if part.number > self.number:
            self._early[part.number] = part
        due = []
        while self.number + 1 in self._early:
            self.number += 1
            due.append(self._early.pop(self.number))
        return due
