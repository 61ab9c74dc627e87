"""A run judges itself: when the generator set the numbers, it says so."""

from typing import Any

import pytest

from loadtest.health import judge_generator, little_law
from loadtest.reporting import Measurement
from loadtest.totals import OperationState, RecorderState
from loadtest.workload import ClosedModel, Model, OpenModel
from reports.records import GeneratorHealth

CLOSED = ClosedModel(users=10)


def judged(
    model: Model, throughput: float, residence: float, cpu: float = 20.0, failed: int = 0, **changes: Any
) -> GeneratorHealth:
    facts: dict[str, Any] = {
        "state": RecorderState(operations={"echo": OperationState(total=1000, failed=failed)}),
        "seconds": 10.0,
        "lag_p99": 0.001,
        "held_up": 0.1,
        "busy_seconds": 100.0,
        "late": 0,
        "given_up": 0,
        "calibration_rate": 30_000.0,
        "complete": True,
    }
    law = little_law(model, 10.0, throughput, residence)
    return judge_generator(model, Measurement(**(facts | changes)), cpu, law)


def test_a_run_that_the_target_limits_is_a_result() -> None:
    health = judged(CLOSED, throughput=1000, residence=0.0099)
    assert not health.limited
    assert health.reasons == ()
    assert health.little_law is not None
    assert health.little_law.mismatch == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("health", "reason"),
    [
        (judged(CLOSED, 1000, 0.01, cpu=97), "the generator used 97 % of its core"),
        (judged(CLOSED, 25_000, 0.0004), "made 25,000/s, and makes 30,000/s"),
        (judged(OpenModel(rate=29_000), 1000, 0.01), "was asked for 29,000/s"),
        (judged(CLOSED, 1000, 0.01, lag_p99=0.025, held_up=2.0), "held up for 20% of the time, 25.0 ms and more"),
        (judged(CLOSED, 1000, 0.002), "10 users spent 80% of their time outside requests"),
    ],
)
def test_a_run_that_the_generator_limits_says_why(health: GeneratorHealth, reason: str) -> None:
    assert health.limited
    assert [reason in each for each in health.reasons] == [True]


def test_users_that_pause_or_fail_are_not_held_against_the_generator() -> None:
    assert not judged(ClosedModel(users=10, think=1.0), 1000, 0.002).limited
    assert not judged(CLOSED, 1000, 0.002, failed=5).limited


def test_without_calibration_lag_and_processor_decide() -> None:
    assert not judged(CLOSED, 29_000, 10 / 29_000, calibration_rate=None).limited


def test_a_run_without_traffic_has_no_mismatch() -> None:
    assert little_law(OpenModel(rate=1), 0.0, 0.0, 0.0).mismatch == 0.0


def test_a_calibration_that_was_interrupted_is_no_limit() -> None:
    assert judged(CLOSED, throughput=0, residence=0.0, calibration_rate=0.0).reasons == ()


def test_users_with_several_requests_under_way_were_not_held_up() -> None:
    assert judged(CLOSED, throughput=1000, residence=0.04).reasons == ()
    assert judged(CLOSED, throughput=1000, residence=0.004).limited
