"""From what was measured to the records: percentiles, series, objectives, and whether the run is a result at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from loadtest.health import judge_generator, little_law
from loadtest.judging import as_lived, judged
from loadtest.objectives import Measured, Objective, Verdict, evaluate
from loadtest.reporting import Measurement
from loadtest.totals import (
    OPENING,
    ErrorRow,
    OperationState,
    PhaseState,
    RecorderState,
    SecondState,
    encoded_histogram,
    histogram,
    merge_operations,
    percentile,
)
from loadtest.workload import ClosedModel, LoadPlan, OpenModel, operations_meant
from reports.records import (
    Counts,
    GeneratorHealth,
    Latency,
    LittlesLaw,
    Load,
    LoadSecond,
    ObjectiveResult,
    Percentiles,
    TargetCost,
    WarmUp,
)

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

__all__ = ["ALL", "Basis", "LoadOutcome", "conclude"]

ALL = "all operations"
"""The operation name of the row that sums up a workload of several."""

_MICROSECONDS = 1_000_000
_CALL = "tools/call"


class Basis(Struct, frozen=True, kw_only=True):
    """What an outcome was concluded from: what was measured, what it cost the target, and the generator's mean use of a
    core in percent."""

    measured: Measurement
    cost: TargetCost | None
    cpu_percent: float


class LoadOutcome(Struct, frozen=True, kw_only=True):
    """What a run leaves behind.

    `rows` are records: first the whole run, then, where there are several, each operation, last the opening of
    conversations. `errors` are examples of what went wrong. `complete` is False for a run that ended early;
    `interrupted` says that the user ended it. `late` counts arrivals that found every user busy, `given_up` those of
    them that were never sent, `warm_up` requests that were not counted.
    """

    rows: tuple[Load, ...]
    errors: tuple[ErrorRow, ...] = ()
    complete: bool = True
    interrupted: bool = False
    late: int = 0
    given_up: int = 0
    warm_up: int = 0
    basis: Basis | None = None

    @property
    def overall(self) -> Load:
        """The row of the whole run."""
        return self.rows[0]


def conclude(
    plan: LoadPlan, measured: Measurement, cost: TargetCost | None, cpu_percent: float, *, interrupted: bool = False
) -> LoadOutcome:
    """Turn a measurement into records. `cost` is the target's, `cpu_percent` the generator's mean use of one core."""
    state = measured.state
    total = _Sum(merge_operations(state.operations.values()))
    if measured.calibration_rate is None:
        measured = msgspec.structs.replace(measured, calibration_rate=plan.calibrated)
    lived = as_lived(plan)
    health = judge_generator(lived.model, measured, cpu_percent, _law(lived, measured, total))
    names = _in_order(plan, state.operations)
    table = _Table(plan, measured, health)
    whole = msgspec.structs.replace(
        table.row(names[0] if len(names) == 1 else ALL, total, state.errors),
        series=tuple(_series(state.seconds, int(measured.seconds))),
        target=cost,
        warm_up=WarmUp(seconds=plan.warm_up, requests=state.warm_up) if plan.warm_up else None,
        objectives=tuple(
            _objective(evaluate(each, _measured(_meant(each, plan, state, total), measured)), valid=not health.limited)
            for each in plan.objectives
        ),
        judgements=judged(plan, measured, cost),
    )
    rows = [whole] + [table.of_operation(name) for name in names if len(names) > 1]
    if state.opening is not None:
        rows.append(
            table.row(OPENING, _Sum(state.opening), [each for each in state.errors if each.operation == OPENING])
        )
    return LoadOutcome(
        rows=tuple(rows),
        errors=state.errors,
        complete=measured.complete,
        interrupted=interrupted,
        late=measured.late,
        given_up=measured.given_up,
        warm_up=state.warm_up,
        basis=Basis(measured=measured, cost=cost, cpu_percent=cpu_percent),
    )


def _in_order(plan: LoadPlan, seen: Collection[str]) -> list[str]:
    """Return the operations as the workload lists them, then those that its turns have besides, as they came."""
    planned = [each.name for each in plan.workload.operations if each.name in seen]
    return [*planned, *(name for name in seen if name not in planned)]


class _Sum:
    """The counts of one or more operations with their histograms decoded."""

    def __init__(self, state: OperationState) -> None:
        self.state = state
        self.corrected = histogram(state.corrected)
        self.uncorrected = histogram(state.uncorrected)

    @property
    def answered(self) -> int:
        """How many have a latency."""
        return int(self.corrected.get_total_count())

    @property
    def mean(self) -> float | None:
        """The mean corrected latency in seconds."""
        return self.state.corrected_seconds / self.answered if self.answered else None


class _Table:
    """Makes the rows of one run."""

    def __init__(self, plan: LoadPlan, measured: Measurement, health: GeneratorHealth) -> None:
        self._plan = plan
        self._measured = measured
        self._health = health
        self._operations = {each.name: each for each in plan.workload.operations}

    def of_operation(self, name: str) -> Load:
        """Return the row of one operation of the workload."""
        state = self._measured.state
        errors = [each for each in state.errors if each.operation == name]
        row = self.row(name, _Sum(state.operations[name]), errors)
        seconds = state.operations[name].seconds
        # Nobody knows which operation an arrival would have been that had to wait: they are told of the whole.
        health = msgspec.structs.replace(self._health, late=0, unsent=0)
        return msgspec.structs.replace(
            row, series=tuple(_series(seconds, int(self._measured.seconds))), generator=health
        )

    def row(self, name: str, total: _Sum, errors: Iterable[ErrorRow]) -> Load:
        """Return a row with counts, latencies and errors."""
        state, model = total.state, self._plan.model
        operation = self._operations.get(name)
        return Load(
            scenario=self._plan.workload.name,
            operation=name,
            model="open" if isinstance(model, OpenModel) else "closed",
            seconds=self._measured.seconds,
            counts=Counts(total=state.total, ok=state.total - state.failed, failed=state.failed),
            corrected=_latency(total.corrected, state.corrected, state.corrected_seconds),
            uncorrected=_latency(total.uncorrected, state.uncorrected, state.uncorrected_seconds),
            rate=model.rate if isinstance(model, OpenModel) else None,
            users=model.users,
            tool=operation.params.get("name") if operation is not None and operation.method == _CALL else None,
            method=None if operation is None else operation.method,
            arrivals=model.arrivals if isinstance(model, OpenModel) else None,
            shape="" if model.shape is None else model.shape.text,
            think_seconds=model.think if isinstance(model, ClosedModel) else 0.0,
            phases={name: _phase(phase) for name, phase in state.phases.items()},
            errors=_by_kind(errors),
            generator=self._health,
            valid=not self._health.limited,
            revision=self._plan.revision,
        )


def _by_kind(errors: Iterable[ErrorRow]) -> dict[str, int]:
    kinds: dict[str, int] = {}
    for row in errors:
        kind = f"{row.error_class} {row.code}".rstrip()
        kinds[kind] = kinds.get(kind, 0) + row.count
    return kinds


def _phase(state: PhaseState) -> Latency:
    return _latency(histogram(state.histogram), state.histogram, state.seconds)


_ENOUGH = 100_000
"""Samples of which ten lie beyond the percentile 99.99: it is not looked for in fewer."""


def _latency(values: HdrHistogram, encoded: str, seconds: float) -> Latency:
    def at(percent: float) -> float:
        return round(float(values.get_value_at_percentile(percent)) / 1000, 3)

    count = values.get_total_count()
    if not count:
        none = Percentiles(p50=0.0, p90=0.0, p95=0.0, p99=0.0, p99_9=0.0, max=0.0, mean=0.0)
        return Latency(percentiles=none, samples=0)
    percentiles = Percentiles(
        p50=at(50),
        p90=at(90),
        p95=at(95),
        p99=at(99),
        p99_9=at(99.9),
        p99_99=at(99.99) if count >= _ENOUGH else None,
        max=at(100),
        mean=round(1000 * seconds / count, 3),
    )
    return Latency(percentiles=percentiles, histogram=encoded, samples=int(count))


def _series(seconds: dict[int, SecondState], whole: int) -> Iterator[LoadSecond]:
    """Give the seconds of the run; one that began and did not end would look like a collapse of the rate."""
    for index in sorted(seconds):
        if index >= max(whole, 1):
            return
        second = seconds[index]
        p50, p99 = (percentile(second, percent) for percent in (50, 99))
        yield LoadSecond(
            second=index,
            completed=second.completed,
            failed=second.failed,
            p50=None if p50 is None else round(1000 * p50, 3),
            p99=None if p99 is None else round(1000 * p99, 3),
            histogram=encoded_histogram(second.latencies) if second.latencies else "",
        )


def _law(plan: LoadPlan, measured: Measurement, total: _Sum) -> LittlesLaw:
    throughput = total.answered / measured.seconds if measured.seconds else 0.0
    residence = total.state.uncorrected_seconds / total.answered if total.answered else 0.0
    in_flight = measured.busy_seconds / measured.seconds if measured.seconds else 0.0
    return little_law(plan.model, in_flight, throughput, residence)


def _measured(total: _Sum, measured: Measurement) -> Measured:
    def percentile_of(percent: float) -> float | None:
        value = total.corrected.get_value_at_percentile(percent)
        return float(value) / _MICROSECONDS if total.answered else None

    state = total.state
    return Measured(
        percentile=percentile_of,
        mean=total.mean,
        maximum=percentile_of(100),
        error_share=state.failed / state.total if state.total else None,
        rate=(state.total - state.failed) / measured.seconds if measured.seconds else 0.0,
    )


def _meant(objective: Objective, plan: LoadPlan, state: RecorderState, total: _Sum) -> _Sum:
    """Return what an objective is about: all operations, or those that it names."""
    if not objective.operation:
        return total
    if objective.operation == OPENING and state.opening is not None:
        return _Sum(state.opening)
    named = operations_meant(objective.operation, plan.workload)
    return _Sum(merge_operations(each for name, each in state.operations.items() if name in named))


def _objective(verdict: Verdict, *, valid: bool) -> ObjectiveResult:
    """Record a verdict. What a generator measured that was itself the limit meets nothing."""
    objective = verdict.objective
    return ObjectiveResult(
        text=objective.text,
        operation=objective.operation,
        limit=round(objective.limit / objective.scale, 9),
        unit=objective.unit,
        met=verdict.met and valid,
        measured=None if verdict.measured is None else round(verdict.measured / objective.scale, 6),
        margin=verdict.margin,
    )
