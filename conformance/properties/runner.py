"""Runs the properties against a live target: generate, shrink, confirm on a fresh connection, report."""

from __future__ import annotations

import fnmatch
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import anyio.abc
from hypothesis.strategies import SearchStrategy

from conformance.bench import Bench
from conformance.catalogue import load as load_catalogue
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.patience import Patience
from conformance.properties.case import Case
from conformance.properties.every import PROPERTIES
from conformance.properties.findings import finding
from conformance.properties.prober import Prober, TargetLost
from conformance.properties.property import Ground, Property
from conformance.properties.search import USUAL, Budget, Kept, Search, Tried, search, smallest
from conformance.readers import beside_readers
from conformance.scout import Scouted, chosen
from conformance.target import Target, shown
from conformance.verdicts import Judged
from reference_impl.protocol.revisions import Revision
from reports.records import Finding

__all__ = ["FuzzPlan", "Tried", "run_case", "run_properties"]

_ENOUGH = 60.0
"""Seconds after which a property draws no more cases: a tool that takes its time would make a run last for minutes."""


def _ignore(*_: object) -> None:
    """Take an event that nobody asked for."""


@dataclass(frozen=True, slots=True)
class FuzzPlan:
    """What to try.

    `examples` is the number of cases of each property, `seconds` what all of them may take together at all revisions;
    with both, whichever is used up first ends a search. Without `examples` there are as many cases as the time allows,
    without `seconds` it takes as long as it takes, without both there are the usual cases. `seed` makes them
    repeatable; `database` is the folder where failing examples and telling ones are kept for the next run (None:
    nowhere). `emit` takes each finding, passed ones too; `started` the number of properties to come; `properties` are
    those that there are.
    """

    target: Target
    emit: Callable[[Finding], None]
    started: Callable[[Revision, int], None] = _ignore
    revisions: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    patience: Patience = field(default_factory=Patience)
    examples: int | None = None
    seconds: float | None = None
    seed: int = 0
    database: Path | None = None
    properties: tuple[Property, ...] = PROPERTIES

    @property
    def cases(self) -> int | None:
        """The cases of each property; None where time alone counts."""
        return USUAL if self.examples is None and self.seconds is None else self.examples

    def wants(self, identifier: str) -> bool:
        """Whether a property is among those asked for."""
        return not self.only or any(fnmatch.fnmatchcase(identifier, pattern) for pattern in self.only)


async def run_properties(plan: FuzzPlan, scouted: Scouted) -> None:
    """Try every property at every revision that was scouted, each within the deadline of a run, on top of `seconds`."""

    async def run(readers: anyio.abc.TaskGroup) -> None:
        revisions = chosen(scouted.eras, plan.revisions)
        until = None if plan.seconds is None else anyio.current_time() + plan.seconds
        for number, revision in enumerate(revisions):
            left = None if until is None else max(until - anyio.current_time(), 0.0) / (len(revisions) - number)
            await _run_revision(plan, scouted, Bench(plan.target, revision, plan.patience, readers), left)

    await beside_readers(run)


async def _run_revision(plan: FuzzPlan, scouted: Scouted, bench: Bench, seconds: float | None) -> None:
    revision = bench.revision
    bench.surface = scouted.surfaces[revision.name]
    declared, dual_era = scouted.capabilities[revision.name], len(scouted.eras.revisions) > 1
    ground = Ground(revision, bench.surface, declared, plan.target.transport, dual_era)
    bound = [item for item in plan.properties if plan.wants(item.id) and _rows(item, ground)]
    plan.started(revision, len(bound))
    began = anyio.current_time()
    # Whoever asks for an hour of search does not mean the usual deadline to end it.
    ends = began + plan.patience.run + (seconds or 0.0)
    made = [(item, _made(item, ground)) for item in bound]
    waiting = sum(isinstance(each, Cases) for _, each in made)
    for item, cases in made:
        # What one property leaves of the time is for those behind it that have cases at all.
        share = _ENOUGH if seconds is None else (began + seconds - anyio.current_time()) / max(waiting, 1)
        waiting -= isinstance(cases, Cases)
        budget = Budget(plan.cases, max(share, 0.0), ends, asked=seconds is not None)
        try:
            tried = await _run(plan, item, bench, cases, budget)
        except anyio.get_cancelled_exc_class():
            if budget.failing:
                found = replace(smallest(budget.failing), confirmed=False, ended="interrupted")
                plan.emit(finding(item, ground, plan.target, found, plan.seed))
            raise
        plan.emit(finding(item, ground, plan.target, tried, plan.seed))


async def run_case(target: Target, revision: Revision, patience: Patience, case: Case) -> Tried:
    """Try one case alone on a fresh connection."""

    async def run(readers: anyio.abc.TaskGroup) -> Tried:
        return await _once(Bench(target, revision, patience, readers), "replay", case)

    return await beside_readers(run)


def _rows(item: Property, ground: Ground) -> bool:
    return bool(load_catalogue().binding(item.requirements, ground.revision, ground.transport))


@dataclass(frozen=True, slots=True)
class Cases:
    """What a property makes for a target: cases to draw, and known ones."""

    drawn: SearchStrategy[Case]
    known: tuple[Case, ...]


def _made(item: Property, ground: Ground) -> Cases | Tried:
    """Return the cases of a property, or why it has none."""
    try:
        return Cases(item.cases(ground), tuple(item.known(ground)))
    except Inapplicable as error:
        return Tried(Judged("inapplicable", error.reason))
    except Blocked as error:
        return Tried(Judged("blocked", error.reason))
    except Exception as error:  # noqa: BLE001 - design: whatever else a property raises is our own fault
        return _broken(error)


def _broken(error: Exception) -> Tried:
    return Tried(Judged("broken", f"{type(error).__name__}: {error}"))


async def _run(plan: FuzzPlan, item: Property, bench: Bench, cases: Cases | Tried, budget: Budget) -> Tried:
    if isinstance(cases, Tried):
        return cases
    started = time.perf_counter()
    looked = Search(cases.drawn, cases.known, budget, plan.seed, _database(plan, item))
    try:
        tried = await search(Prober(bench, item.id), looked)
    except Exception as error:  # noqa: BLE001 - design: whatever else a property raises is our own fault
        tried = _broken(error)
    if tried.case is not None:
        again = await _once(bench, item.id, tried.case)
        # One that cannot be opened for the second try is not the better for it.
        tried = replace(tried, confirmed=again.judged.outcome in ("failed", "blocked"))
    return replace(tried, judged=replace(tried.judged, seconds=round(time.perf_counter() - started, 3)))


def _database(plan: FuzzPlan, item: Property) -> Kept | None:
    """Return where the failing examples of a property of this target are kept."""
    if plan.database is None:
        return None
    key = hashlib.sha256(f"{shown(plan.target)}\n{item.id}".encode()).hexdigest()[:16]
    return Kept(plan.database / key)


async def _once(bench: Bench, who: str, case: Case) -> Tried:
    prober = Prober(bench, who)
    try:
        await prober.try_case(case)
    except Mismatch as mismatch:
        return Tried(Judged("failed", mismatch=mismatch), tuple(prober.wire), case)
    except TargetLost as error:
        return Tried(Judged("blocked", f"the target could not be opened: {error}"), (), case)
    finally:
        await prober.close()
    return Tried(Judged("passed"), (), case)
