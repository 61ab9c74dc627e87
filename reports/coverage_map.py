"""What of the specification a run exercised: its areas by revision, from the records alone."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from reports.digest import OUTCOMES, area_of
from reports.rows import Judgement, Outcome

__all__ = ["Area", "Square", "coverage_map"]


@dataclass(frozen=True, slots=True)
class Square:
    """How many checks of one area came to which outcome on one revision; each counts once, at its worst."""

    counts: dict[Outcome, int]
    reasons: tuple[str, ...] = ()
    """What held up those that could not be judged."""

    @property
    def worst(self) -> Outcome:
        """The outcome that the square is known by: passed, where something passed and nothing failed."""
        order: tuple[Outcome, ...] = ("failed", "broken", "passed", "blocked", "inapplicable")
        return next((outcome for outcome in order if self.counts.get(outcome)), "inapplicable")

    @property
    def judged(self) -> int:
        """How many were exercised to a verdict."""
        return self.counts.get("passed", 0) + self.counts.get("failed", 0)

    @property
    def applicable(self) -> int:
        """How many could have been."""
        return sum(self.counts.values()) - self.counts.get("inapplicable", 0)


@dataclass(frozen=True, slots=True)
class Area:
    """One area of the specification, with its square on each revision; None where nothing of it was tried."""

    name: str
    squares: tuple[Square | None, ...]


def coverage_map(judgements: Sequence[Judgement], revisions: tuple[str, ...]) -> tuple[Area, ...]:
    """Return the areas in order, each with as many squares as there are `revisions`."""
    worst: dict[tuple[str, str, str], Outcome] = {}
    for judgement in judgements:
        place = (area_of(judgement), judgement.revision, judgement.check)
        worst[place] = min(judgement.outcome, worst.get(place, "inapplicable"), key=OUTCOMES.index)
    squares: dict[tuple[str, str], Counter[Outcome]] = {}
    for (area, revision, _), outcome in worst.items():
        squares.setdefault((area, revision), Counter())[outcome] += 1
    held_up: dict[tuple[str, str], dict[str, None]] = {}
    for judgement in judgements:
        if judgement.outcome == "blocked":
            reason = judgement.cause or judgement.summary or "no reason given"
            held_up.setdefault((area_of(judgement), judgement.revision), {})[reason] = None
    areas = sorted({area for area, _ in squares})
    return tuple(
        Area(area, tuple(_square(squares.get(at), held_up.get(at, {})) for at in ((area, each) for each in revisions)))
        for area in areas
    )


def _square(counts: Counter[Outcome] | None, reasons: Iterable[str]) -> Square | None:
    if counts is None:
        return None
    return Square({outcome: counts[outcome] for outcome in OUTCOMES if counts[outcome]}, tuple(reasons))
