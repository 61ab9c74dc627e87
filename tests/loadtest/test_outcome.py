"""From a measurement to records."""

from typing import Any

import msgspec
import pytest

from loadtest.objectives import parse_objective
from loadtest.outcome import ALL, LoadOutcome, conclude
from loadtest.recorder import Recorder
from loadtest.reporting import Measurement, decode_report, encode_report
from loadtest.sample import Failure, Sample
from loadtest.stages import parse_shape
from loadtest.totals import OPENING, RecorderState
from loadtest.workload import HttpTarget, LoadPlan, OpenModel, Operation, Workload
from reference_impl.metrics import ErrorClass
from reports.histogram import decode
from reports.records import Load, encode

ECHO = Operation(name="call echo", method="tools/call", params={"name": "echo"})
LIST = Operation(name="list", method="tools/list")


def outcome(*operations: Operation, failures: int = 0, **changes: Any) -> LoadOutcome:
    plan = LoadPlan(
        target=HttpTarget(url="http://127.0.0.1/mcp"),
        revision="2026-07-28",
        workload=Workload(name="mix", operations=operations),
        model=changes.pop("model", OpenModel(rate=100)),
        duration=2.0,
        warm_up=changes.pop("warm_up", 0.0),
        calibrated=changes.pop("calibrated", None),
        objectives=tuple(map(parse_objective, changes.pop("objectives", ("p99<100ms", "rate>1000/s", "errors<20%")))),
    )
    recorder = Recorder(100.0)
    recorder.record_opening(Sample(OPENING, 99.0, 99.0, 99.0, 99.005))
    for number in range(100):
        failure = Failure(ErrorClass.HTTP_STATUS, "503", "busy") if number < failures else None
        at = 100 + number / 50
        name = operations[number % len(operations)].name
        recorder.record(Sample(name, at, at + 0.001, at + 0.01, at + 0.011, 9, failure))
    facts: dict[str, Any] = {
        "state": recorder.state(),
        "seconds": 2.0,
        "lag_p99": 0.001,
        "held_up": 0.0,
        "busy_seconds": 1.0,
        "late": 3,
        "given_up": 0,
        "calibration_rate": 30_000.0,
        "complete": True,
    }
    measured = decode_report(encode_report(Measurement(**(facts | changes))))
    assert isinstance(measured, Measurement)
    return conclude(plan, measured, None, 12.0)


def test_a_workload_of_one_operation_is_one_row_and_its_openings() -> None:
    result = outcome(ECHO)
    assert [row.operation for row in result.rows] == ["call echo", OPENING]
    row = result.overall
    assert (row.scenario, row.tool, row.model, row.rate, row.users) == ("mix", "echo", "open", 100.0, 64)
    assert (row.counts.total, row.counts.ok, row.counts.failed) == (100, 100, 0)
    assert row.corrected.percentiles.p99 == pytest.approx(11, rel=0.01)
    assert row.uncorrected is not None
    assert row.uncorrected.percentiles.p99 == pytest.approx(10, rel=0.01)
    assert row.valid
    assert (result.complete, result.late) == (True, 3)


def test_a_workload_of_several_operations_has_a_row_for_all_and_one_for_each() -> None:
    result = outcome(ECHO, LIST)
    assert [row.operation for row in result.rows] == [ALL, "call echo", "list", OPENING]
    assert [row.counts.total for row in result.rows] == [100, 50, 50, 1]
    assert result.rows[2].tool is None


def test_rows_stand_in_the_order_of_the_workload_with_what_its_turns_have_besides_behind_them() -> None:
    assert [row.operation for row in outcome(LIST, ECHO).rows] == [ALL, "list", "call echo", OPENING]
    result = outcome(LIST, ECHO, state=_recorded("set-up", "call echo", "list"))
    assert [row.operation for row in result.rows] == [ALL, "list", "call echo", "set-up"]


def _recorded(*names: str) -> RecorderState:
    recorder = Recorder(100.0)
    for name in names:
        recorder.record(Sample(name, 100.0, 100.0, 100.5, 100.5))
    return recorder.state()


def test_objectives_are_judged_on_the_whole_run() -> None:
    latency, rate, errors = outcome(ECHO).overall.objectives
    assert (latency.met, latency.unit, latency.limit) == (True, "ms", 100.0)
    assert latency.margin == pytest.approx(0.89, abs=0.01)
    assert (rate.met, rate.measured, rate.margin) == (False, 50.0, -0.95)
    assert (errors.met, errors.measured, errors.margin) == (True, 0.0, 1.0)


def test_errors_are_counted_by_class_and_code_with_examples_beside() -> None:
    result = outcome(ECHO, failures=30)
    assert result.overall.errors == {"http-status 503": 30}
    assert result.errors[0].example == "busy"
    assert [each.met for each in result.overall.objectives] == [True, False, False]


def test_a_run_that_the_generator_limited_is_no_result_in_any_row() -> None:
    result = outcome(ECHO, LIST, calibration_rate=50.0)
    assert [row.valid for row in result.rows] == [False] * 4
    assert result.overall.generator is not None
    assert result.overall.generator.limited


def test_a_run_without_any_answer_has_rows_all_the_same() -> None:
    result = outcome(ECHO, failures=100)
    assert result.overall.corrected.percentiles.p99 == 0.0
    assert not result.overall.objectives[0].met
    assert result.overall.objectives[0].measured is None


def test_objectives_are_not_met_by_what_the_generator_limited() -> None:
    assert [each.met for each in outcome(ECHO, calibration_rate=50.0).overall.objectives] == [False] * 3


def test_what_an_earlier_run_calibrated_limits_this_one_too() -> None:
    row = outcome(ECHO, calibration_rate=None, calibrated=50.0).overall
    assert row.generator is not None
    assert (row.valid, row.generator.calibration_rate) == (False, 50.0)


def test_warm_up_late_starts_and_phases_are_in_the_record() -> None:
    row = outcome(ECHO, warm_up=0.5, given_up=1).overall
    assert row.warm_up is not None
    assert (row.warm_up.seconds, row.warm_up.requests) == (0.5, 0)
    assert row.generator is not None
    assert (row.generator.late, row.generator.unsent) == (3, 1)
    assert (row.method, row.arrivals, row.corrected.samples) == ("tools/call", "constant", 100)
    assert row.phases["first byte"].percentiles.p50 == pytest.approx(9, rel=0.01)


def test_each_operation_has_its_own_seconds_and_they_add_up() -> None:
    whole, *parts, _ = outcome(ECHO, LIST).rows
    assert [second.completed for second in whole.series] == [50, 50]
    assert [[second.completed for second in part.series] for part in parts] == [[25, 25], [25, 25]]
    assert sum(each.count for second in whole.series for each in decode(second.histogram)) == 100


def test_a_shape_is_recorded_in_its_own_words() -> None:
    shape = parse_shape("ramp 10..200 over 2s")
    row = outcome(ECHO, model=OpenModel(rate=200, shape=shape)).overall
    assert (row.shape, row.rate) == ("ramp 10..200 over 2s", 200)


def test_rows_are_records() -> None:
    for row in outcome(ECHO, LIST, failures=2).rows:
        assert msgspec.json.decode(encode(row), type=Load) == row


def test_objectives_of_operations_are_judged_by_those_alone() -> None:
    wanted = ("echo: rate>20/s", "list: rate>30/s", "(opening): max<10ms", "nobody: p99<1ms", "rate>40/s")
    judged = outcome(ECHO, LIST, objectives=wanted).overall.objectives
    assert [(each.operation, each.met) for each in judged] == [
        ("echo", True),
        ("list", False),
        ("(opening)", True),
        ("nobody", False),
        ("", True),
    ]
    assert judged[0].measured == pytest.approx(25)
    assert judged[1].margin == pytest.approx(25 / 30 - 1)
    assert judged[3].measured is None


def test_arrivals_that_waited_are_told_of_the_whole_and_not_once_more_of_its_parts() -> None:
    rows = outcome(ECHO, LIST).rows
    assert [row.generator.late for row in rows[:3] if row.generator] == [3, 0, 0]
