"""Two loads in turns: whose turn it is, and how the turns of a side add up."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.outcome import LoadOutcome, conclude
from loadtest.recorder import Recorder
from loadtest.reporting import Measurement
from loadtest.sample import Failure, Sample
from loadtest.versus import interleave, side_rows, turns
from loadtest.workload import ClosedModel, HttpTarget, LoadPlan, Operation, Workload
from reference_impl.metrics import ErrorClass
from reports.compare import compare_sides
from reports.records import CostSample, GeneratorHealth, TargetCost

PLAN = LoadPlan(
    target=HttpTarget(url="http://127.0.0.1/mcp"),
    revision="2026-07-28",
    workload=Workload(name="calls", operations=(Operation(name="echo", method="ping"),)),
    model=ClosedModel(users=1),
    duration=8.0,
)


def outcome(latency: float, seconds: float = 4.5, **changes: Any) -> LoadOutcome:
    """Return a turn in which one call followed the other, each as long, the first of which failed."""
    recorder, now = Recorder(0.0), 0.0
    while now + latency < seconds:
        failure = Failure(ErrorClass.HTTP_STATUS, "503", "busy") if now == 0 else None
        recorder.record(Sample("echo", now, now, now + latency, now + latency, 9, failure))
        now += latency
    facts: dict[str, Any] = {
        "state": recorder.state(),
        "seconds": seconds,
        "lag_p99": 0.001,
        "held_up": 0.0,
        "busy_seconds": now,
        "late": 0,
        "given_up": 0,
        "calibration_rate": 30_000.0,
        "complete": True,
    }
    samples = tuple(CostSample(second=at / 4, cpu_percent=50.0, rss_bytes=7) for at in range(1, 18))
    cost = TargetCost(cpu_percent_mean=50, cpu_percent_max=50, rss_bytes_max=7, series=samples, cpu_seconds=2.25)
    return conclude(PLAN, Measurement(**(facts | changes)), cost, 10.0)


@settings(derandomize=True, deadline=None)
@given(st.floats(4, 3600))
def test_turns_are_fair_whole_seconds_and_add_up_to_what_was_asked_for(seconds: float) -> None:
    order, each = turns(seconds)
    assert order.count("A") == order.count("B")
    assert order == order[::-1]
    assert 2 <= each <= 15
    assert each == int(each)
    assert order.count("A") * each == pytest.approx(seconds, rel=0.13, abs=1)


def test_both_take_their_turns_and_the_generator_is_calibrated_once() -> None:
    asked: list[tuple[str, float, float, float | None]] = []

    def run(side: str, plan: LoadPlan) -> LoadOutcome:
        asked.append((side, plan.duration, plan.calibration, plan.calibrated))
        return outcome(0.01)

    outcomes, interrupted = interleave({"A": PLAN, "B": PLAN}, run)
    assert [each[0] for each in asked] == ["A", "B", "B", "A"]
    assert asked[0][1:] == (4.0, 1.0, None)
    assert asked[3][1:] == (4.0, 0.0, 30_000.0)
    assert [len(outcomes[side]) for side in ("A", "B")] == [2, 2]
    assert not interrupted


def test_an_interruption_ends_the_turns() -> None:
    def run(side: str, plan: LoadPlan) -> LoadOutcome:
        del plan
        return msgspec.structs.replace(outcome(0.01), interrupted=side == "B")

    outcomes, interrupted = interleave({"A": PLAN, "B": PLAN}, run)
    assert [len(outcomes[side]) for side in ("A", "B")] == [1, 1]
    assert interrupted


def test_the_turns_of_a_side_are_one_measurement_of_whole_seconds() -> None:
    (row,) = side_rows("B", "new", PLAN, [outcome(0.01), outcome(0.02)])
    assert (row.side, row.scenario) == ("B", "calls (B: new)")
    assert row.counts.total == pytest.approx(675, abs=3)
    assert row.counts.failed == 2
    assert [each.second for each in row.series] == list(range(8))
    assert [each.completed for each in row.series[4:7]] == pytest.approx([50] * 3, abs=1)
    assert row.corrected.percentiles.max == pytest.approx(20, rel=0.01)
    assert row.target is not None
    assert row.target.cpu_seconds == pytest.approx(4.5)
    assert [each.second for each in row.target.series][16] == pytest.approx(4.25)


def test_a_turn_that_is_no_result_makes_the_side_none() -> None:
    limited = outcome(0.01)
    health = GeneratorHealth(lag_p99_ms=1, cpu_percent=99, limited=True, reasons=("it was too slow",))
    broken = msgspec.structs.replace(limited.overall, valid=False, generator=health)
    (row,) = side_rows("A", "x", PLAN, [msgspec.structs.replace(limited, rows=(broken,)), outcome(0.01)])
    assert not row.valid
    assert row.generator is not None
    assert row.generator.reasons == ("it was too slow",)


def test_sides_are_compared_even_at_two_revisions() -> None:
    slow = [outcome(0.02), outcome(0.02)]
    rows = side_rows("A", "old", PLAN, [outcome(0.01), outcome(0.01)])
    rows += side_rows("B", "new", msgspec.structs.replace(PLAN, revision="2025-11-25"), slow)
    found = compare_sides(rows)
    assert (found.before.name, found.after.name) == ("old", "new")
    (load,) = found.loads
    assert (load.scenario, load.refused) == ("calls", ())
    assert {each.name: each.verdict for each in load.measures}["p50"] == "worse"
    assert found.worse
