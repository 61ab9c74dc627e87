"""A conformance run: detect the eras, then judge the target at each revision that it speaks."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import anyio.abc

from conformance.bench import Bench
from conformance.catalogue import load as load_catalogue
from conformance.check import all_checks, all_monitors
from conformance.eras import Eras
from conformance.judge import Judge, run_monitor
from conformance.patience import Patience
from conformance.scout import Unreachable, chosen, find_eras
from conformance.surface import Permission
from conformance.target import Target
from conformance.verdicts import verdict
from reference_impl.protocol.revisions import LATEST_LEGACY, Revision
from reports.records import Verdict

__all__ = ["Plan", "RunResult", "run_checks"]


def _ignore(*_: object) -> None:
    """Take an event that nobody asked for."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    `revisions` limits the revisions that were detected (empty: all); `only` holds patterns of check ids; `emit` takes
    each verdict as it falls, `detected` the eras, `started` the number of verdicts to come at a revision.
    """

    target: Target
    emit: Callable[[Verdict], None]
    detected: Callable[[Eras], None] = _ignore
    started: Callable[[Revision, int], None] = _ignore
    revisions: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    permission: Permission = field(default_factory=Permission)
    patience: Patience = field(default_factory=Patience)

    def wants(self, identifier: str) -> bool:
        """Whether a check or monitor is among those asked for."""
        return not self.only or any(fnmatch.fnmatchcase(identifier, pattern) for pattern in self.only)


@dataclass(slots=True)
class RunResult:
    """What a run leaves: the eras that were found, and the benches with everything that was said."""

    eras: Eras
    benches: list[Bench] = field(default_factory=list)


async def run_checks(plan: Plan) -> RunResult:
    """Detect the eras, then judge each revision. Raises `Unreachable` if no conversation could be opened."""
    readers: anyio.abc.TaskGroup
    failure: Unreachable | None = None
    async with anyio.create_task_group() as readers:
        try:
            result = await _run(plan, readers)
        except Unreachable as error:
            # Raised outside the task group, which would wrap it.
            failure = error
        readers.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return result


async def _run(plan: Plan, readers: anyio.abc.TaskGroup) -> RunResult:
    try:
        eras = await find_eras(plan.target, plan.patience, readers)
        plan.detected(eras)
        wanted = chosen(eras, plan.revisions)
    except Unreachable as error:
        if error.eras is not None and not error.eras.revisions:
            _judge_noise(plan, error.eras)
        raise
    result = RunResult(eras)
    for revision in wanted:
        bench = Bench(plan.target, revision, plan.patience, readers)
        bench.spoken = tuple(eras.revisions)
        bench.surface.permission = plan.permission
        bench.conversations += [item for item in eras.conversations if item.revision == revision.name]
        result.benches.append(bench)
        await _judge(plan, bench)
    return result


async def _judge(plan: Plan, bench: Bench) -> None:
    judge = Judge(bench, plan.emit)
    checks = [check for check in all_checks() if plan.wants(check.id) and judge.binding(check.requirements)]
    monitors = [watch for watch in all_monitors() if plan.wants(watch.id) and judge.binding(watch.requirements)]
    plan.started(bench.revision, len(checks) + len(monitors))
    await judge.run(checks)
    judge.watch(monitors, bench.conversations)


def _judge_noise(plan: Plan, eras: Eras) -> None:
    """Say what is wrong with the output of a target that opened no conversation."""
    for watch in all_monitors():
        rows = load_catalogue().binding(watch.requirements, LATEST_LEGACY, plan.target.transport)
        judged = run_monitor(watch, eras.conversations)
        if plan.wants(watch.id) and rows and judged.outcome == "failed":
            plan.emit(verdict(watch, rows, LATEST_LEGACY, plan.target, judged))
