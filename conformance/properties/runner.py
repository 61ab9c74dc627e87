"""Runs the properties against a live target: generate, shrink, confirm on a fresh connection, report."""

from __future__ import annotations

import fnmatch
import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
from anyio import to_thread
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import seed as seeded
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import FlakyFailure
from hypothesis.strategies import SearchStrategy

from conformance.bench import Bench
from conformance.catalogue import load as load_catalogue
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.patience import Patience
from conformance.properties.case import Case
from conformance.properties.every import PROPERTIES
from conformance.properties.findings import finding
from conformance.properties.guidance import guide
from conformance.properties.prober import Abandoned, Prober, TargetLost
from conformance.properties.property import Ground, Property
from conformance.readers import beside_readers
from conformance.scout import Scouted, chosen
from conformance.target import Target, shown
from conformance.transcript import Entry
from conformance.verdicts import Judged
from reference_impl.protocol.revisions import Revision
from reports.records import Finding

__all__ = ["FuzzPlan", "Tried", "run_case", "run_properties"]


_ENOUGH = 60.0
"""Seconds after which a property draws no more cases: a tool that takes its time would make a run last for minutes."""
_SHRINKING = 20.0
"""Seconds that making a failure smaller may take: the smallest one until then has to do."""


def _ignore(*_: object) -> None:
    """Take an event that nobody asked for."""


@dataclass(frozen=True, slots=True)
class FuzzPlan:
    """What to try.

    `examples` is the number of cases of each property, `seconds` what all of them may take together at each revision
    (None: as long as it takes); `seed` makes them repeatable; `database` is the folder where failing examples and
    telling ones are kept for the next run (None: nowhere). `emit` takes each finding, passed ones too; `started`
    the number of properties to come; `properties` are those that there are.
    """

    target: Target
    emit: Callable[[Finding], None]
    started: Callable[[Revision, int], None] = _ignore
    revisions: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    patience: Patience = field(default_factory=Patience)
    examples: int = 50
    seconds: float | None = None
    seed: int = 0
    database: Path | None = None
    properties: tuple[Property, ...] = PROPERTIES

    def wants(self, identifier: str) -> bool:
        """Whether a property is among those asked for."""
        return not self.only or any(fnmatch.fnmatchcase(identifier, pattern) for pattern in self.only)


@dataclass(frozen=True, slots=True)
class Budget:
    """The seconds for drawing cases, the time at which all ends, and what has failed so far, the last one last."""

    seconds: float
    ends: float
    failing: list[Tried] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a property: the judgement and, where it failed, what went over the wire, the smallest case and
    whether it failed again."""

    judged: Judged
    wire: tuple[Entry, ...] = ()
    case: Case | None = None
    confirmed: bool = True


async def run_properties(plan: FuzzPlan, scouted: Scouted) -> None:
    """Try every property at every revision that was scouted, each revision within the deadline of a run."""

    async def run(readers: anyio.abc.TaskGroup) -> None:
        for revision in chosen(scouted.eras, plan.revisions):
            await _run_revision(plan, scouted, Bench(plan.target, revision, plan.patience, readers))

    await beside_readers(run)


async def _run_revision(plan: FuzzPlan, scouted: Scouted, bench: Bench) -> None:
    revision = bench.revision
    bench.surface = scouted.surfaces[revision.name]
    declared, dual_era = scouted.capabilities[revision.name], len(scouted.eras.revisions) > 1
    ground = Ground(revision, bench.surface, declared, plan.target.transport, dual_era)
    bound = [item for item in plan.properties if plan.wants(item.id) and _rows(item, ground)]
    plan.started(revision, len(bound))
    ends = anyio.current_time() + plan.patience.run
    until = None if plan.seconds is None else anyio.current_time() + plan.seconds
    for number, item in enumerate(bound):
        # What one property leaves of the time is for those behind it.
        share = _ENOUGH if until is None else (until - anyio.current_time()) / (len(bound) - number)
        budget = Budget(max(share, 0.0), ends)
        try:
            tried = await _run(plan, item, (bench, ground), budget)
        except anyio.get_cancelled_exc_class():
            if budget.failing:
                found = replace(smallest(budget.failing), confirmed=False)
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


async def _run(plan: FuzzPlan, item: Property, place: tuple[Bench, Ground], budget: Budget) -> Tried:
    bench, ground = place
    started = time.perf_counter()
    try:
        cases, known = item.cases(ground), tuple(item.known(ground))
        tried = await _search(plan, item, Prober(bench, item.id), Search(cases, known, budget))
    except Inapplicable as error:
        tried = Tried(Judged("inapplicable", error.reason))
    except Blocked as error:
        tried = Tried(Judged("blocked", error.reason))
    except Exception as error:  # noqa: BLE001 - design: whatever else a property raises is our own fault
        tried = Tried(Judged("broken", f"{type(error).__name__}: {error}"))
    if tried.case is not None:
        again = await _once(bench, item.id, tried.case)
        # One that cannot be opened for the second try is not the better for it.
        tried = replace(tried, confirmed=again.judged.outcome in ("failed", "blocked"))
    return replace(tried, judged=replace(tried.judged, seconds=round(time.perf_counter() - started, 3)))


@dataclass(frozen=True, slots=True)
class Search:
    """What one property looks through: cases to draw, known ones to try first, and for how long."""

    cases: SearchStrategy[Case]
    known: tuple[Case, ...]
    budget: Budget


async def _search(plan: FuzzPlan, item: Property, prober: Prober, search: Search) -> Tried:
    """Let Hypothesis look for a case that fails, in a worker thread; the smallest one comes last."""
    database, began = _database(plan, item), time.monotonic()
    failing = search.budget.failing
    # The settings last: `seed` takes the database out of those that it finds.
    looking = settings(_settings(plan), database=database)(_looking(plan, prober, search))
    shrunk = False
    try:
        with anyio.CancelScope(deadline=search.budget.ends) as scope:
            try:
                # A search that is given up must not keep the event loop waiting.
                await to_thread.run_sync(looking, abandon_on_cancel=True)
            except (Mismatch, FlakyFailure):
                shrunk = True
            except Abandoned:
                pass
    finally:
        await prober.abandon()
        await prober.close()
    if failing:
        return failing[-1] if shrunk else smallest(failing)
    if prober.lost is not None:
        return Tried(Judged("blocked", f"the target could not be opened any more: {prober.lost}"))
    if scope.cancelled_caught:
        return Tried(Judged("blocked", f"the deadline was reached after {prober.tried} cases (--deadline)"))
    enough = search.budget.seconds
    slow = f", and no more since they took {enough:.3g} s" if time.monotonic() > began + enough else ""
    again = f", begun with {database.fetched} of an earlier run" if database and database.fetched else ""
    return Tried(Judged("passed", f"{prober.tried} cases{again}{slow}"))


def _settings(plan: FuzzPlan) -> settings:
    return settings(
        max_examples=plan.examples,
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


def _looking(plan: FuzzPlan, prober: Prober, search: Search) -> Callable[[], None]:
    """Return the search: known cases first, then drawn ones."""
    enough, failing = time.monotonic() + search.budget.seconds, search.budget.failing
    variety: set[Any] = set()

    @seeded(plan.seed)
    @given(search.cases)
    def look(case: Case) -> None:
        now = time.monotonic()
        if now > (until[0] if until else enough):
            raise Abandoned
        try:
            prober.try_from_thread(case)
        except Mismatch as mismatch:
            until.append(now + _SHRINKING)
            failing.append(Tried(Judged("failed", mismatch=mismatch), tuple(prober.wire), case))
            raise
        guide(prober.reaction, time.monotonic() - now, variety)

    until: list[float] = []
    for known in reversed(search.known):
        look = example(known)(look)
    return look


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
