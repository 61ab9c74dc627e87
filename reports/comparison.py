"""What came of a comparison of two runs, as values: what the renderings show, and `compare --json` prints."""

from typing import Literal

from msgspec import Struct

__all__ = [
    "Comparison",
    "LoadDifference",
    "Measure",
    "ObjectiveChange",
    "Side",
    "SurfaceChange",
    "Tellable",
    "VerdictChange",
]

Tellable = Literal["better", "worse", "cannot be told"]
VerdictKind = Literal["newly failing", "fixed", "newly blocked", "only in A", "only in B"]


class Side(Struct, frozen=True, kw_only=True):
    """One of the two: what it was of, and, where it is a run of its own, by what it was judged."""

    name: str
    address: str = ""
    transport: str = ""
    implementation: str | None = None
    touchstone: str = ""
    rules: str | None = None
    revisions: tuple[str, ...] = ()
    started: str = ""
    complete: bool = True


class VerdictChange(Struct, frozen=True, kw_only=True):
    """A check, or a property, that came to another outcome than before, or that one of the runs does not have.

    `places` are revisions and transports, `before` and `after` outcomes. `worse` says that it makes B the worse run.
    """

    kind: VerdictKind
    check: str
    title: str
    level: str
    places: tuple[str, ...]
    before: str | None
    after: str | None
    summary: str = ""
    worse: bool = False


class SurfaceChange(Struct, frozen=True, kw_only=True):
    """A difference in what the targets advertise; a `breaking` one can break a client that worked."""

    revisions: tuple[str, ...]
    subject: str
    change: str
    breaking: bool


class Measure(Struct, frozen=True, kw_only=True):
    """One figure of an operation on both sides, in `unit`.

    `change` is B against A: a ratio less one, or, where `unit` is a share, a difference of shares; `low` and `high`
    bound it. `reason` says why it cannot be told where there is no interval.
    """

    name: str
    unit: str
    before: float | None
    after: float | None
    verdict: Tellable
    change: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


class ObjectiveChange(Struct, frozen=True, kw_only=True):
    """An objective that both runs had, and that one of them met."""

    text: str
    before: bool
    after: bool


class LoadDifference(Struct, frozen=True, kw_only=True):
    """One operation of one scenario; where something is in the way of comparing it, `refused` says what."""

    scenario: str
    operation: str
    refused: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = ()
    objectives: tuple[ObjectiveChange, ...] = ()

    @property
    def worse(self) -> bool:
        """Whether B is worse in anything that can be told."""
        return any(each.verdict == "worse" for each in self.measures) or any(
            each.before and not each.after for each in self.objectives
        )


class Comparison(Struct, frozen=True, kw_only=True):
    """Everything that was found. `notes` are what stands between the two runs: versions, rules, revisions, seeds."""

    before: Side
    after: Side
    notes: tuple[str, ...] = ()
    verdicts: tuple[VerdictChange, ...] = ()
    judged_in_both: int = 0
    surface: tuple[SurfaceChange, ...] = ()
    surfaces_in_both: tuple[str, ...] = ()
    loads: tuple[LoadDifference, ...] = ()

    @property
    def worse(self) -> bool:
        """Whether B is worse than A."""
        return (
            any(each.worse for each in self.verdicts)
            or any(each.breaking for each in self.surface)
            or any(each.worse for each in self.loads)
        )

    @property
    def conclusive(self) -> bool:
        """Whether there was anything to compare."""
        return bool(self.judged_in_both or self.surfaces_in_both or any(not each.refused for each in self.loads))
