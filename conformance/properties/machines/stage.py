"""Where plays are performed one after the other; on a conversation that is left from the last, where a fresh one is
dear."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.bench import Bench
from conformance.expect import Mismatch
from conformance.patience import Patience
from conformance.properties.machines.moves import perform
from conformance.properties.machines.seats import NotOpened, Seats
from conformance.properties.machines.steps import Step
from conformance.transcript import Entry

__all__ = ["Stage"]

_FAILURES = 4
"""Openings in a row that may fail before the target is given up."""


class Stage:
    """Performs plays on one target. `wire` is what went over the wire in the last play that failed."""

    def __init__(self, bench: Bench, who: str) -> None:
        self.wire: list[Entry] = []
        self._bench = bench
        self._who = who
        self._left: Seats | None = None
        self._failed = False

    async def play(self, steps: Sequence[Step], patience: Patience) -> None:
        """Perform a play. Raises `Mismatch`, `NotOpened` if the target opens no conversation at all.

        What fails on a conversation that served another play before counts only if it fails on a fresh one too: the
        steps of a failure are all that leads to it.
        """
        used, self._left = self._left, None
        if used is not None and await self._succeeds(used, steps):
            return
        for attempt in range(_FAILURES):
            seats = Seats(self._bench, self._who, patience)
            try:
                await self._perform(seats, steps)
            except NotOpened:
                if attempt == _FAILURES - 1:
                    raise
            else:
                return

    async def _succeeds(self, used: Seats, steps: Sequence[Step]) -> bool:
        try:
            await self._perform(used, steps)
        except (Mismatch, NotOpened):
            return False
        return True

    async def _perform(self, seats: Seats, steps: Sequence[Step]) -> None:
        kept = False
        try:
            await perform(seats, steps)
            # After a failure each play begins afresh: what is shrunk is to be the same whenever it is tried.
            kept = not self._failed and await seats.finish()
        except NotOpened:
            # One that takes no second client, or none again, need not; what was said before was right.
            if not seats.conversations:
                raise
        except Mismatch:
            self.wire, self._failed = seats.wire(), True
            raise
        finally:
            if kept:
                self._left = seats
            else:
                await seats.aclose()

    async def close(self) -> None:
        """End what is left from the last play."""
        left, self._left = self._left, None
        if left is not None:
            await left.aclose()
