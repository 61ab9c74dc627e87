"""How much a target takes: the highest rate of arrivals at which the objectives are met.

The rate doubles from step to step until one misses, then the gap between the highest that met and the lowest that
missed is halved until the two are near. `next_rate` decides that and is pure; `find_capacity` carries it out with
whatever makes a run of a plan.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from loadtest.objectives import Objective, parse_objective
from loadtest.outcome import LoadOutcome
from loadtest.run import LoadError
from loadtest.workload import ClosedModel, LoadPlan, OpenModel
from reports.records import Capacity, CurvePoint, Load
from reports.units import percentiles

__all__ = ["Stopped", "default_objectives", "find_capacity", "knee_of", "needed_samples", "next_rate"]

NEAR = 1.05
"""The search ends when the lowest rate that missed is no further than this above the highest that met."""
HIGHEST = 100_000.0
"""No step asks for more (a second), where the plan has no cap of its own."""

_LEAST_SECONDS = 2.0
_LONGEST_SHARE, _LONGEST_CLIMBING_SHARE = 6, 24
_UNLOADED_SECONDS = 3.0
_FIRST_SHARE = 1 / 8
_STEP_COST = 1.0
_KEPT_UP = 0.97
_LOWEST_SHARE = 1 / 16
_FEWEST_CONNECTIONS, _MOST_CONNECTIONS = 16, 1024
_FEW_ERRORS = 0.01


class Stopped(Exception):  # noqa: N818 - an end, not an error
    """There is no further step; the message says why."""


def default_objectives(unloaded_p50: float) -> tuple[Objective, ...]:
    """Return what is asked of a target that nobody asked anything of: few errors, and a p99 of at most ten times the
    median of one user alone (seconds), though never below 10 ms, which a busy machine takes by itself."""
    limit = math.ceil(max(0.01, 10 * unloaded_p50) * 1000)
    return parse_objective(f"p99<{limit}ms"), parse_objective("errors<0.1%")


def needed_samples(objectives: Iterable[Objective]) -> int:
    """Return how many samples a step needs: ten beyond each percentile, and as many as can have one error allowed."""
    needed = 100
    for each in objectives:
        if each.percentile is not None and each.percentile < 100:
            needed = max(needed, round(1000 / (100 - each.percentile)))
        if each.quantity == "errors" and each.limit > 0:
            needed = max(needed, round(1 / each.limit))
    return needed


def next_rate(points: Sequence[CurvePoint], start: float, highest: float) -> float:
    """Return the rate of the next step. Raises `Stopped` when the search is over.

    A step that missed although the target kept up, and one that the generator limited, is made once more: a hiccup of
    the machine looks like either. A rate has missed when all its steps did.
    """
    if not points:
        return min(start, highest)
    last = points[-1]
    if not last.met and _kept_up(last) and _tries(points, last.rate) == 1:
        return last.rate
    if not last.valid:
        raise Stopped(f"the generator was the limit at {last.rate:,.0f}/s: {last.said}")
    low, high = _bracket(points)
    if low is None:
        assert high is not None
        if high <= start * _LOWEST_SHARE:
            raise Stopped(f"the objectives are missed even at {high:.3g}/s: {last.said}")
        return high / 4
    if high is None:
        if low >= highest:
            raise Stopped(f"the cap of {highest:,.0f}/s was reached")
        return min(2 * low, highest)
    if high <= low * NEAR:
        raise Stopped(f"the objectives are missed at {high:,.0f}/s")
    return math.sqrt(low * high)


def _kept_up(point: CurvePoint) -> bool:
    return not point.valid or point.throughput >= _KEPT_UP * point.rate


def _tries(points: Sequence[CurvePoint], rate: float) -> int:
    return sum(point.rate == rate for point in points)


def _bracket(points: Sequence[CurvePoint]) -> tuple[float | None, float | None]:
    """Return the highest rate that met below the lowest that missed, and that one; None for what is not known yet."""
    met = {point.rate for point in points if point.met}
    missed = {point.rate for point in points if point.valid and not point.met} - met
    high = min(missed, default=None)
    low = max((rate for rate in met if high is None or rate < high), default=None)
    return low, high


def knee_of(points: Iterable[CurvePoint]) -> float | None:
    """Return the throughput at which the power of the target, throughput over its median latency, is greatest.

    Below it, more load is gained than is lost in waiting; above it, it is the other way round (Kleinrock 1979). None
    where no step went beyond it: a curve that has not bent has no knee.
    """
    valid = [point for point in points if point.valid]
    good = [point for point in valid if point.p50 and point.errors < _FEW_ERRORS]
    best = max(good, key=lambda point: (point.throughput / (point.p50 or 1.0), point.throughput), default=None)
    if best is None or best.rate >= max(point.rate for point in valid):
        return None
    return best.throughput


def find_capacity(
    plan: LoadPlan,
    run: Callable[[LoadPlan], LoadOutcome],
    told: Callable[[CurvePoint], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> LoadOutcome:
    """Search within `plan.duration` seconds; return the run at the rate found, with the curve and what was found.

    `run` carries out one step's plan; `told` hears of each step that was made. What `run` raises before the first step
    is raised; later it ends the search, as an interruption does. Without objectives the default ones are asked for.
    """
    search = _Search(plan, clock() + plan.duration)
    search.look(run)
    why = "the time was over"
    try:
        while (step := search.next(clock())) is not None:
            outcome = run(step)
            if outcome.interrupted:
                search.interrupted = True
                why = "interrupted"
                break
            told(search.take(step, outcome))
    except Stopped as stopped:
        why = str(stopped)
    except (LoadError, KeyboardInterrupt) as error:
        if not search.steps:
            raise
        search.interrupted = isinstance(error, KeyboardInterrupt)
        why = str(error) or "interrupted"
    return search.concluded(why)


@dataclass(slots=True)
class _Search:
    """A search under way."""

    plan: LoadPlan
    deadline: float
    start: float = 1.0
    unloaded: LoadOutcome | None = None
    assumed: bool = False
    interrupted: bool = False
    steps: list[tuple[CurvePoint, LoadOutcome]] = field(default_factory=list)

    @property
    def points(self) -> list[CurvePoint]:
        return [point for point, _ in self.steps]

    @property
    def needed(self) -> int:
        return needed_samples(self.plan.objectives)

    def look(self, run: Callable[[LoadPlan], LoadOutcome]) -> None:
        """See how fast the target is when one user has it alone, and calibrate the generator."""
        plan, longest = self.plan, self.plan.duration / _LONGEST_SHARE
        one = msgspec.structs.replace(
            plan, model=ClosedModel(users=1), duration=min(_UNLOADED_SECONDS, longest), objectives=()
        )
        self.unloaded = outcome = run(one)
        self.interrupted = outcome.interrupted
        row = outcome.overall
        alone = row.corrected.percentiles.p50 / 1000
        self.start = max(0.1, row.counts.ok / row.seconds * _FIRST_SHARE if row.seconds else 0.0)
        self.assumed = not plan.objectives
        self.plan = msgspec.structs.replace(
            plan,
            objectives=plan.objectives or default_objectives(alone),
            calibration=0.0,
            calibrated=row.generator.calibration_rate if row.generator else None,
        )

    def next(self, now: float) -> LoadPlan | None:
        """Return the next step; None when there is no time for it. Raises `Stopped` when none is needed."""
        if self.interrupted:
            raise Stopped("interrupted")
        if self.unloaded is not None and not self.unloaded.overall.counts.ok:
            raise Stopped("one user alone got no good answer")
        plan = self.plan
        rate = next_rate(self.points, self.start, plan.rate_cap or HIGHEST)
        # On the way up, steps are short: whether a rate far below the capacity is met shows at once.
        climbing = _bracket(self.points)[1] is None
        longest = plan.duration / (_LONGEST_CLIMBING_SHARE if climbing else _LONGEST_SHARE)
        seconds = max(_LEAST_SECONDS, min(self.needed / rate, longest))
        if now + plan.warm_up + seconds + _STEP_COST > self.deadline:
            return None
        arrivals = plan.model.arrivals if isinstance(plan.model, OpenModel) else "constant"
        model = OpenModel(rate=rate, arrivals=arrivals, users=self._connections(rate))
        return msgspec.structs.replace(plan, model=model, duration=seconds)

    def _connections(self, rate: float) -> int:
        """Return twice as many as are in flight (N = X * R) where each takes as long as the objectives allow."""
        limits = [each.limit for each in self.plan.objectives if each.quantity == "latency"]
        wanted = math.ceil(2 * rate * max(limits, default=1.0))
        return min(_MOST_CONNECTIONS, max(_FEWEST_CONNECTIONS, wanted))

    def take(self, step: LoadPlan, outcome: LoadOutcome) -> CurvePoint:
        """Keep a step that was made."""
        assert isinstance(step.model, OpenModel)
        row = outcome.overall
        point = _point(step.model.rate, row, complete=outcome.complete)
        self.steps.append((point, outcome))
        return point

    def concluded(self, reason: str) -> LoadOutcome:
        """Return the outcome of the best step, with the curve; of the slowest step where none met the objectives."""
        assert self.unloaded is not None
        low, high = _bracket(self.points)
        best = [(point, outcome) for point, outcome in self.steps if point.met and point.rate == low]
        slowest = sorted(self.steps, key=lambda step: step[0].rate)[:1]
        outcome = (best or slowest)[-1][1] if self.steps else self.unloaded
        curve = tuple(sorted(self.points, key=lambda each: each.rate))
        capacity = Capacity(
            rate=low,
            at_least=low is not None and high is None,
            reason=reason,
            objectives=tuple(each.text for each in self.plan.objectives),
            samples=outcome.overall.counts.total if self.steps else 0,
            needed=self.needed,
            assumed=self.assumed,
            unloaded_p50_ms=self.unloaded.overall.corrected.percentiles.p50,
            knee=knee_of(curve),
        )
        first = msgspec.structs.replace(outcome.rows[0], curve=curve, capacity=capacity)
        if not self.steps:
            first = _without_result(first, reason)
        return msgspec.structs.replace(outcome, rows=(first, *outcome.rows[1:]), interrupted=self.interrupted)


def _without_result(row: Load, reason: str) -> Load:
    health = row.generator
    if health is not None:
        health = msgspec.structs.replace(health, reasons=(*health.reasons, f"no step was made: {reason}"))
    return msgspec.structs.replace(row, generator=health, valid=False)


def _point(rate: float, row: Load, *, complete: bool) -> CurvePoint:
    told = percentiles(row)
    law = row.generator.little_law if row.generator else None
    return CurvePoint(
        rate=round(rate, 3),
        throughput=round(row.counts.ok / row.seconds, 3) if row.seconds else 0.0,
        seconds=row.seconds,
        samples=row.counts.total,
        p50=told["p50"],
        p99=told["p99"],
        errors=row.counts.failed / row.counts.total if row.counts.total else 0.0,
        in_flight=round(law.concurrency, 2) if law else 0.0,
        met=row.valid and complete and all(each.met for each in row.objectives),
        valid=row.valid,
        said=_said(row, complete=complete),
    )


def _said(row: Load, *, complete: bool) -> str:
    if not row.valid:
        return "; ".join(row.generator.reasons) if row.generator else ""
    missed = [each for each in row.objectives if not each.met]
    said = [
        f"{each.text}: {'nothing' if each.measured is None else f'{each.measured:.4g} {each.unit}'}" for each in missed
    ]
    return "; ".join(said) if complete else "; ".join([row.ended or "it ended before its time", *said])
