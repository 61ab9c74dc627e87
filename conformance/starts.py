"""Turns in which the processes of a target start: more at a time than there are processors only delay one another's
first answer, on which their deadline is."""

from __future__ import annotations

import os

import anyio

__all__ = ["Starts", "Turn"]

_AT_ONCE = max(2, os.cpu_count() or 1)


class Turn:
    """The turn of one process, from its start to the first word that it says, or to its end."""

    def __init__(self, turns: anyio.Semaphore | None) -> None:
        self._turns = turns

    def end(self) -> None:
        """Let the next one start. What was ended stays so."""
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.release()


class Starts:
    """Lets so many processes start at a time."""

    def __init__(self, at_once: int = _AT_ONCE) -> None:
        self._turns = anyio.Semaphore(at_once)

    async def turn(self, longest: float) -> Turn:
        """Wait for a turn, so many seconds at the longest: those that start may be ones that say nothing."""
        with anyio.move_on_after(longest) as waited:
            await self._turns.acquire()
        return Turn(None if waited.cancelled_caught else self._turns)
