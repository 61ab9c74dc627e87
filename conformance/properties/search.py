"""The search of one property: Hypothesis draws, shrinks and remembers, within budgets of cases and of time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any

import anyio
from anyio import to_thread
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import seed as seeded
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import FlakyFailure
from hypothesis.strategies import SearchStrategy

from conformance.expect import Mismatch
from conformance.properties.case import Case
from conformance.properties.families import can_be_together
from conformance.properties.guidance import guide
from conformance.properties.prober import Abandoned, Prober
from conformance.transcript import Entry
from conformance.verdicts import Judged

__all__ = ["USUAL", "Budget", "Kept", "Search", "Tried", "search", "smallest"]

USUAL = 50
"""Cases of a property where nobody says how many or for how long."""
_SHRINKING = 20.0
"""Seconds that making a failure smaller may take: the smallest one until then has to do."""
_LARGEST_ROUND = 1600
"""Cases of a round at most. Hypothesis aims at its targets once half of a round is drawn: an endless one never aims."""
_APART = 2**32
"""How far the seeds of two rounds are apart: no round draws what another run's first does."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What a search may take: so many cases (None: as many as there is time for) and seconds (`asked`: by whom runs
    it), and the time at which all ends; and what has failed so far, the last one last."""

    cases: int | None
    seconds: float
    ends: float
    asked: bool = False
    failing: list[Tried] = field(default_factory=list)

    def rounds(self) -> Iterator[int]:
        """The cases of each round of drawing: all in one where they are counted, more each time where time is."""
        if self.cases is not None:
            yield self.cases
            return
        yield from (min(USUAL << number, _LARGEST_ROUND) for number in count())


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a property: the judgement and, where it failed, what went over the wire, the smallest case and
    whether it failed again. `ended` is what ended the search, as `reports.rows.Finding` has it."""

    judged: Judged
    wire: tuple[Entry, ...] = ()
    case: Case | None = None
    confirmed: bool = True
    ended: str = ""


class Kept(DirectoryBasedExampleDatabase):
    """Examples in files; `fetched` counts those that an earlier run has left."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.fetched = 0

    def fetch(self, key: bytes) -> Iterator[bytes]:
        """Return what is kept under a key."""
        for value in super().fetch(key):
            self.fetched += 1
            yield value


@dataclass(frozen=True, slots=True)
class Search:
    """What one property looks through: cases to draw, known ones to try first, and within which budget; the seed of
    all chance, and where examples are kept (None: nowhere)."""

    cases: SearchStrategy[Case]
    known: tuple[Case, ...]
    budget: Budget
    seed: int = 0
    database: Kept | None = None


async def search(prober: Prober, looked: Search) -> Tried:
    """Let Hypothesis look for a case that fails, in a worker thread; the smallest one comes last."""
    budget, hunt = looked.budget, _Hunt(prober, looked)
    shrunk = False
    try:
        with anyio.CancelScope(deadline=budget.ends) as scope:
            try:
                # A search that is given up must not keep the event loop waiting.
                await to_thread.run_sync(hunt.run, abandon_on_cancel=True)
            except (Mismatch, FlakyFailure):
                shrunk = True
            except Abandoned:
                pass
    finally:
        await prober.abandon()
        await prober.close()
    if budget.failing:
        found = budget.failing[-1] if shrunk or hunt.shrunk else smallest(budget.failing)
        return Tried(found.judged, found.wire, found.case, ended="found")
    if prober.lost is not None:
        why = f"the target could not be opened any more: {prober.lost}"
        return Tried(Judged("blocked", why), ended="lost")
    if scope.cancelled_caught:
        why = f"the deadline was reached after {prober.tried} cases (--deadline)"
        return Tried(Judged("blocked", why), ended="deadline")
    return Tried(Judged("passed", hunt.told()), ended=hunt.ended)


class _Hunt:
    """The rounds of one search, in a thread of their own. `ended` says what ended them where nothing was found,
    `shrunk` whether what was found last is as small as its kin get."""

    def __init__(self, prober: Prober, looked: Search) -> None:
        self.ended = "examples"
        self.shrunk = False
        self._prober = prober
        self._looked = looked
        self._enough = time.monotonic() + looked.budget.seconds
        self._hurry: float | None = None
        self._drawn = 0
        self._kept = 0
        self._variety: set[Any] = set()

    def run(self) -> None:
        """Draw until a budget is used up. Raises what the search raises where a case fails, or `Abandoned`."""
        try:
            self._rounds()
        except (Mismatch, Abandoned):
            # Hypothesis has made smaller what it drew, but neither what was known nor what is akin to a draw.
            self._shrink()
            raise

    def _rounds(self) -> None:
        for number, size in enumerate(self._looked.budget.rounds()):
            # Known cases come on top of those that are drawn.
            due = self._drawn + size + (len(self._looked.known) if number == 0 else 0)
            try:
                self._round(number, size)()
            finally:
                database = self._looked.database
                self._kept = self._kept or (database.fetched if database is not None and number == 0 else 0)
            if self._drawn < due:
                # Hypothesis gives up before: all was drawn, or what is left is hard to come by.
                self.ended = "exhausted"
                return

    def _round(self, number: int, size: int) -> Callable[[], None]:
        looked = self._looked

        @seeded(looked.seed + number * _APART)
        @given(looked.cases)
        def look(case: Case) -> None:
            self._try(case)

        for known in reversed(looked.known if number == 0 else ()):
            look = example(known)(look)
        # The settings last: `seed` takes the database out of those that it finds.
        return settings(_settings(size), database=looked.database)(look)

    def _try(self, case: Case) -> None:
        now = time.monotonic()
        # However little time there is, one case is tried: nothing is green of which nothing was seen.
        if self._drawn and now > (self._enough if self._hurry is None else self._hurry):
            self.ended = "seconds"
            raise Abandoned
        self._drawn += 1
        family = (case, *self._relatives(case)) if self._hurry is None else (case,)
        try:
            self._prober.try_from_thread(*family)
        except Mismatch as mismatch:
            self._hurry = now + _SHRINKING if self._hurry is None else self._hurry
            culprit = self._prober.culprit or case
            self._fail(mismatch, culprit)
            if len(family) > 1 and culprit.kin is not case.kin:
                # Hypothesis did not draw it, and can make nothing of it.
                raise Abandoned from None
            raise
        guide(self._prober.reaction, (time.monotonic() - now) / len(family), self._variety)

    def _relatives(self, case: Case) -> Iterator[Case]:
        """Return the cases to try together with one, as many as take no longer than one does."""
        more = self._prober.together - 1
        if case.kin is None or more < 1 or not can_be_together(case):
            return iter(())
        chance = Random(self._looked.seed * _APART + self._drawn)  # noqa: S311 - no secret
        return islice(filter(can_be_together, case.kin.relatives(chance)), more)

    def _fail(self, mismatch: Mismatch, case: Case) -> None:
        tried = Tried(Judged("failed", mismatch=mismatch), tuple(self._prober.wire), case)
        self._looked.budget.failing.append(tried)

    def _shrink(self) -> None:
        """Try ever smaller cases near the one that failed last, while they fail alike and there is time."""
        failing = self._looked.budget.failing
        left = _smaller(failing[-1].case) if failing else iter(())
        while (case := next(left, None)) is not None and time.monotonic() < (self._hurry or 0.0):
            try:
                self._prober.try_from_thread(case)
            except Mismatch as mismatch:
                if _alike(mismatch, failing[-1].judged.mismatch):
                    self._fail(mismatch, case)
                    self.shrunk = True
                    left = _smaller(case)

    def told(self) -> str:
        """Say how much was tried where nothing was found."""
        budget, tried = self._looked.budget, self._prober.tried
        again = f", begun with {self._kept} of an earlier run" if self._kept else ""
        slow = "the --seconds were over" if budget.asked else f"they took {budget.seconds:.3g} s"
        why = {"seconds": f", and no more since {slow}", "exhausted": ", all that could be drawn"}
        return f"{tried} case{'' if tried == 1 else 's'}{again}{why.get(self.ended, '')}"


def _smaller(case: Case | None) -> Iterator[Case]:
    return iter(()) if case is None or case.kin is None else case.kin.smaller()


def _alike(one: Mismatch, other: Mismatch | None) -> bool:
    return other is not None and type(one) is type(other) and one.breaks == other.breaks


def _settings(cases: int) -> settings:
    return settings(
        max_examples=cases,
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


def smallest(failing: list[Tried]) -> Tried:
    """Return the smallest of the cases that failed, where Hypothesis has not come to its own."""
    return min(failing, key=lambda tried: len(tried.case.to_json()) if tried.case else 0)
