"""How long Touchstone waits, in seconds. Time enters a verdict only as a generous bound; nothing waits without one."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Patience"]


@dataclass(frozen=True, slots=True)
class Patience:
    """The deadlines of a run.

    `start`: from spawn or connect to the end of the handshake (a cold `npx` is slow). `answer`: for one answer.
    `quiet`: the one bounded wait where silence cannot be proved by a fence. `stop`: for a process to end by itself
    after end of input. `check`: for one check. `run`: for all of a revision. `whole`: for those of all revisions.
    """

    start: float = 30.0
    answer: float = 15.0
    quiet: float = 0.4
    stop: float = 5.0
    check: float = 60.0
    run: float = 600.0
    whole: float = math.inf

    def scaled(self, answer: float) -> Patience:
        """Return these deadlines with another `answer`, and `start` and `check` in proportion."""
        factor = answer / self.answer
        return Patience(self.start * factor, answer, self.quiet, self.stop, self.check * factor, self.run, self.whole)
