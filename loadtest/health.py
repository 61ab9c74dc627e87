"""Whether a run measured the target or the generator: pure judgements over what the generator noticed of itself."""

from __future__ import annotations

from collections.abc import Iterator

from loadtest.reporting import Measurement
from loadtest.workload import ClosedModel, Model
from reports.records import GeneratorHealth, LittlesLaw

__all__ = ["judge_generator", "little_law"]

_BUSY_PERCENT = 90.0
"""A generator that used so much of its one core had no room left to send more."""
_CALIBRATED_SHARE = 0.8
"""So near to what it does against a server that does nothing, the generator sets the pace itself."""
_HELD_UP_SHARE = 0.05
"""A generator that did not run for so much of the time blurs whatever it timed; a hiccup of the machine does not."""
_MISMATCH = 0.5
"""A closed model whose users spent half of their time outside requests was held up on our side."""


def little_law(model: Model, in_flight: float, throughput: float, residence: float) -> LittlesLaw:
    """Compare the requests in flight with throughput times residence (N = X * R).

    The closed model without think time has all its users in flight, by definition; elsewhere `in_flight` is how many
    were, on average, busy with an operation. What is missing then was spent on our side of the wire.
    """
    busy = isinstance(model, ClosedModel) and model.think == 0 and model.shape is None
    concurrency = float(model.users) if busy else in_flight
    expected = throughput * residence
    larger = max(concurrency, expected)
    return LittlesLaw(
        concurrency=concurrency,
        throughput=throughput,
        residence_seconds=residence,
        mismatch=abs(concurrency - expected) / larger if larger else 0.0,
    )


def judge_generator(model: Model, measured: Measurement, cpu_percent: float, law: LittlesLaw) -> GeneratorHealth:
    """Return the generator's health. `limited` comes with reasons, each a sentence for whoever reads the report."""
    reasons = tuple(_reasons(model, measured, cpu_percent, law))
    limit = measured.calibration_rate
    return GeneratorHealth(
        lag_p99_ms=round(measured.lag_p99 * 1000, 3),
        lag_p99_9_ms=round(measured.lag_p99_9 * 1000, 3),
        cpu_percent=round(cpu_percent, 1),
        calibration_rate=None if limit is None else round(limit, 1),
        limited=bool(reasons),
        reasons=reasons,
        little_law=law,
        late=measured.late,
        unsent=measured.given_up,
    )


def _reasons(model: Model, measured: Measurement, cpu_percent: float, law: LittlesLaw) -> Iterator[str]:
    if cpu_percent >= _BUSY_PERCENT:
        yield f"the generator used {cpu_percent:.0f} % of its core"
    rate = law.throughput if isinstance(model, ClosedModel) else max(law.throughput, model.rate)
    limit = measured.calibration_rate
    if limit and rate >= _CALIBRATED_SHARE * limit:
        verb = "made" if isinstance(model, ClosedModel) else "was asked for"
        yield f"the generator {verb} {rate:,.0f}/s, and makes {limit:,.0f}/s against a server that does nothing"
    if measured.held_up >= _HELD_UP_SHARE * measured.seconds > 0:
        share = measured.held_up / measured.seconds
        yield f"the generator was held up for {share:.0%} of the time, {measured.lag_p99 * 1000:.1f} ms and more (p99)"
    # Failures have no residence, so that the law holds only where there are none.
    failed = sum(each.failed for each in measured.state.operations.values())
    if (
        isinstance(model, ClosedModel)
        and model.think == 0
        and model.shape is None
        and law.throughput
        and not failed
        and law.mismatch > _MISMATCH
        and law.throughput * law.residence_seconds < law.concurrency  # more than that: users with several under way
    ):
        yield f"{model.users} users spent {law.mismatch:.0%} of their time outside requests"
