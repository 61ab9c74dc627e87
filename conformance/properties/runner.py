"""Runs the properties against a live target: generate, shrink, confirm on a fresh connection, report."""

from __future__ import annotations

import fnmatch
import hashlib
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import anyio.abc
from anyio import to_thread
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase
from hypothesis.errors import FlakyFailure
from hypothesis.strategies import SearchStrategy

from conformance.bench import Bench
from conformance.catalogue import load as load_catalogue
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.patience import Patience
from conformance.properties.case import Case
from conformance.properties.findings import finding
from conformance.properties.prober import Abandoned, Prober, TargetLost
from conformance.properties.property import Ground, Property
from conformance.properties.stateless import PROPERTIES
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

    `examples` is the number of cases of each property; `seed` makes them repeatable; `database` is the folder where
    failing examples are kept for the next run (None: nowhere). `emit` takes each finding, passed ones too; `started`
    the number of properties to come; `properties` are those that there are.
    """

    target: Target
    emit: Callable[[Finding], None]
    started: Callable[[Revision, int], None] = _ignore
    revisions: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    patience: Patience = field(default_factory=Patience)
    examples: int = 50
    seed: int = 0
    database: Path | None = None
    properties: tuple[Property, ...] = PROPERTIES

    def wants(self, identifier: str) -> bool:
        """Whether a property is among those asked for."""
        return not self.only or any(fnmatch.fnmatchcase(identifier, pattern) for pattern in self.only)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a property: the judgement and, where it failed, the smallest case and whether it failed again."""

    judged: Judged
    prober: Prober | None = None
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
    for item in bound:
        tried = await _run(plan, item, (bench, ground), ends)
        plan.emit(finding(item, ground, plan.target, tried, plan.seed))


async def run_case(target: Target, revision: Revision, patience: Patience, case: Case) -> Tried:
    """Try one case alone on a fresh connection."""

    async def run(readers: anyio.abc.TaskGroup) -> Tried:
        return await _once(Bench(target, revision, patience, readers), "replay", case)

    return await beside_readers(run)


def _rows(item: Property, ground: Ground) -> bool:
    return bool(load_catalogue().binding(item.requirements, ground.revision, ground.transport))


async def _run(plan: FuzzPlan, item: Property, place: tuple[Bench, Ground], ends: float) -> Tried:
    bench, ground = place
    started = time.perf_counter()
    try:
        tried = await _search(plan, item, Prober(bench, item.id), (item.cases(ground), ends))
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


async def _search(plan: FuzzPlan, item: Property, prober: Prober, what: tuple[SearchStrategy[Case], float]) -> Tried:
    """Let Hypothesis look for a case that fails, in a worker thread; the smallest one comes last."""
    cases, ends = what
    failing: list[tuple[Case, Mismatch]] = []
    enough = time.monotonic() + _ENOUGH

    # The settings last: `seed` takes the database out of those that it finds.
    @settings(
        max_examples=plan.examples,
        database=_database(plan, item),
        deadline=None,
        derandomize=False,
        report_multiple_bugs=False,
        print_blob=False,
        phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @seeded(plan.seed)
    @given(cases)
    def search(case: Case) -> None:
        if not failing and time.monotonic() > enough:
            raise Abandoned
        try:
            prober.try_from_thread(case)
        except Mismatch as mismatch:
            failing.append((case, mismatch))
            raise

    try:
        with anyio.CancelScope(deadline=ends) as scope:
            with suppress(Mismatch, FlakyFailure, Abandoned):
                # A search that is given up must not keep the event loop waiting.
                await to_thread.run_sync(search, abandon_on_cancel=True)
    finally:
        await prober.abandon()
        await prober.close()
    if failing:
        case, mismatch = failing[-1]
        return Tried(Judged("failed", mismatch=mismatch), prober, case)
    if prober.lost is not None:
        return Tried(Judged("blocked", f"the target could not be opened any more: {prober.lost}"))
    if scope.cancelled_caught:
        return Tried(Judged("blocked", f"the deadline was reached after {prober.tried} cases (--deadline)"))
    slow = f", and no more since they took {_ENOUGH:g} s" if time.monotonic() > enough else ""
    return Tried(Judged("passed", f"{prober.tried} cases{slow}"))


def _database(plan: FuzzPlan, item: Property) -> ExampleDatabase | None:
    """Return where the failing examples of a property of this target are kept."""
    if plan.database is None:
        return None
    key = hashlib.sha256(f"{shown(plan.target)}\n{item.id}".encode()).hexdigest()[:16]
    return DirectoryBasedExampleDatabase(plan.database / key)


async def _once(bench: Bench, who: str, case: Case) -> Tried:
    prober = Prober(bench, who)
    try:
        await prober.try_case(case)
    except Mismatch as mismatch:
        return Tried(Judged("failed", mismatch=mismatch), prober, case)
    except TargetLost as error:
        return Tried(Judged("blocked", f"the target could not be opened: {error}"), prober, case)
    finally:
        await prober.close()
    return Tried(Judged("passed"), prober, case)
