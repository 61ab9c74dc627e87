"""The search for capacity, against targets of which only the law of their latency is known; no time passes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from loadtest.capacity import default_objectives, find_capacity, knee_of, needed_samples
from loadtest.objectives import parse_objective
from loadtest.outcome import LoadOutcome, conclude
from loadtest.recorder import Recorder
from loadtest.reporting import Measurement
from loadtest.run import LoadError
from loadtest.sample import Sample
from loadtest.workload import ClosedModel, HttpTarget, LoadPlan, OpenModel, Operation, Workload
from reports.records import Capacity, CurvePoint

ECHO = Operation(name="echo", method="tools/call")


def plan(*objectives: str, duration: float = 120.0, cap: float | None = None) -> LoadPlan:
    return LoadPlan(
        target=HttpTarget(url="http://127.0.0.1/mcp"),
        revision="2026-07-28",
        workload=Workload(name="echo", operations=(ECHO,)),
        model=OpenModel(rate=1),
        duration=duration,
        rate_cap=cap,
        objectives=tuple(map(parse_objective, objectives)),
    )


def queue(capacity: float, service: float = 0.01) -> Callable[[float], float]:
    """Return the latency of a target by rate: it grows without bound on the way to its capacity."""
    return lambda rate: service / (1 - rate / capacity) if rate < capacity else 5.0


@dataclass
class Machine:
    """Makes runs against a law. `limit` is what the generator makes, `hiccups` are the steps that it spoils."""

    latency: Callable[[float], float]
    limit: float = 50_000.0
    hiccups: tuple[int, ...] = ()
    interrupted_at: int | None = None
    now: float = 0.0
    asked: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    def run(self, step: LoadPlan) -> LoadOutcome:
        self.now += step.duration + 1.0
        alone = isinstance(step.model, ClosedModel)
        rate = 1 / self.latency(0.0) if isinstance(step.model, ClosedModel) else step.model.rate
        if not alone:
            self.asked.append(rate)
        latency = 1.0 if len(self.asked) in self.hiccups else self.latency(0.0 if alone else rate)
        recorder = Recorder()
        for number in range(max(1, int(rate * step.duration))):
            recorder.record(Sample("echo", number / rate, number / rate, number / rate, number / rate + latency))
        measured = Measurement(
            state=recorder.state(),
            seconds=step.duration,
            lag_p99=0.0,
            held_up=0.0,
            busy_seconds=rate * latency * step.duration,
            late=0,
            given_up=0,
            calibration_rate=self.limit if step.calibration else None,
            complete=True,
        )
        return conclude(step, measured, None, 10.0, interrupted=len(self.asked) == self.interrupted_at)


def searched(machine: Machine, *objectives: str, **changes: float) -> tuple[Capacity, tuple[CurvePoint, ...]]:
    first = find_capacity(plan(*objectives, **changes), machine.run, clock=machine.clock).overall
    assert first.capacity is not None
    return first.capacity, first.curve


def test_the_highest_rate_that_meets_the_objectives_is_found_within_five_percent() -> None:
    machine = Machine(queue(800))
    capacity, curve = searched(machine, "p99<50ms")
    # 10 ms / (1 - rate / 800) is 50 ms at 640 a second.
    assert capacity.rate is not None
    assert 640 / 1.05 <= capacity.rate <= 640
    assert not capacity.at_least
    assert capacity.reason.startswith("the objectives are missed at ")
    assert machine.asked[:4] == [12.5, 25, 50, 100]
    assert [point.rate for point in curve] == sorted(point.rate for point in curve)
    assert len(curve) == len(machine.asked)


def test_the_record_is_the_run_at_the_rate_that_was_found() -> None:
    machine = Machine(queue(800))
    row = find_capacity(plan("p99<50ms"), machine.run, clock=machine.clock).overall
    assert row.capacity is not None
    assert row.rate == pytest.approx(row.capacity.rate, abs=0.001)
    assert [objective.met for objective in row.objectives] == [True]


def test_steps_are_long_enough_for_their_percentile_while_the_time_allows() -> None:
    capacity, curve = searched(Machine(queue(4000, 0.001)), "p99<50ms")
    assert capacity.needed == 1000
    assert all(point.samples >= 1000 for point in curve if point.rate >= 200)
    assert {point.p99 is None for point in curve if point.rate < 200} == {True}


def test_without_objectives_stated_ones_are_made_from_the_unloaded_target() -> None:
    capacity, _ = searched(Machine(queue(800)))
    assert capacity.assumed
    assert capacity.objectives == ("p99<101ms", "errors<0.1%")
    assert capacity.unloaded_p50_ms == pytest.approx(10, rel=0.01)


def test_when_the_generator_is_the_limit_the_result_is_a_lower_bound() -> None:
    capacity, curve = searched(Machine(queue(1e9), limit=1000.0), "p99<50ms")
    assert (capacity.rate, capacity.at_least) == (400, True)
    assert capacity.reason.startswith("the generator was the limit at 800/s: the generator was asked for 800/s")
    assert [point.valid for point in curve[-2:]] == [False, False]  # it was tried once more


def test_a_step_that_a_hiccup_spoiled_is_made_once_more() -> None:
    capacity, _ = searched(Machine(queue(800), hiccups=(2, 4)), "p99<50ms")
    assert capacity.rate is not None
    assert capacity.rate > 600


def test_a_cap_is_never_exceeded() -> None:
    machine = Machine(queue(1e9))
    capacity, _ = searched(machine, "p99<50ms", cap=150.0)
    assert (capacity.rate, capacity.at_least, max(machine.asked)) == (150, True, 150)
    assert "the cap of 150/s" in capacity.reason


def test_the_time_bounds_the_search_and_what_is_known_by_then_is_told() -> None:
    machine = Machine(queue(800))
    capacity, curve = searched(machine, "p99<50ms", duration=20.0)
    assert machine.now <= 20.0
    assert (capacity.at_least, capacity.reason) == (True, "the time was over")
    assert capacity.rate == curve[-1].rate


def test_objectives_that_no_rate_meets_are_told_from_a_search_that_ran_out_of_time() -> None:
    capacity, _ = searched(Machine(lambda _: 0.2), "p99<50ms", duration=600.0)
    assert capacity.rate is None
    assert "missed even at" in capacity.reason


def test_an_interruption_keeps_the_points_so_far() -> None:
    machine = Machine(queue(800), interrupted_at=4)
    outcome = find_capacity(plan("p99<50ms"), machine.run, clock=machine.clock)
    assert outcome.interrupted
    assert len(outcome.overall.curve) == 3
    assert outcome.overall.capacity is not None
    assert (outcome.overall.capacity.rate, outcome.overall.capacity.reason) == (50, "interrupted")


def test_a_search_that_made_no_step_is_no_result() -> None:
    machine = Machine(queue(800))
    row = find_capacity(plan("p99<50ms", duration=3.0), machine.run, clock=machine.clock).overall
    assert row.capacity is not None
    assert (row.valid, row.capacity.rate, row.curve) == (False, None, ())
    assert row.generator is not None
    assert row.generator.reasons == ("no step was made: the time was over",)


def test_the_knee_is_where_throughput_over_latency_is_greatest() -> None:
    _, curve = searched(Machine(queue(800)), "p99<50ms")
    knee = knee_of(curve)
    assert knee is not None
    # For this law the power rate * (1 - rate / 800) is greatest at half of the capacity.
    assert knee == pytest.approx(400, rel=0.05)
    assert knee_of(curve[:1]) is None


def test_a_curve_that_has_not_bent_has_no_knee() -> None:
    _, curve = searched(Machine(queue(800)), "p99<50ms")
    rising = [point for point in curve if point.rate < 300]
    assert len(rising) > 1
    assert knee_of(rising) is None


@pytest.mark.parametrize(
    ("objectives", "needed"),
    [((), 100), (("p99<1s",), 1000), (("p99.9<1s", "errors<1%"), 10_000), (("errors<0.1%",), 1000), (("max<1s",), 100)],
)
def test_the_samples_that_a_step_needs_follow_from_the_objectives(objectives: tuple[str, ...], needed: int) -> None:
    assert needed_samples(map(parse_objective, objectives)) == needed


def test_default_objectives_leave_a_fast_target_ten_milliseconds() -> None:
    assert [each.text for each in default_objectives(0.0002)] == ["p99<10ms", "errors<0.1%"]


@pytest.mark.parametrize("error", [LoadError("the target could not be opened", "target"), KeyboardInterrupt()])
def test_a_step_that_measures_nothing_ends_the_search_and_keeps_the_points_so_far(error: BaseException) -> None:
    machine = Machine(queue(800))

    def run(step: LoadPlan) -> LoadOutcome:
        if len(machine.asked) == 3:
            raise error
        return machine.run(step)

    outcome = find_capacity(plan("p99<100ms"), run, clock=machine.clock)
    assert len(outcome.overall.curve) == 3
    assert outcome.interrupted == isinstance(error, KeyboardInterrupt)
    assert outcome.overall.capacity is not None
    assert outcome.overall.capacity.reason == (str(error) or "interrupted")
