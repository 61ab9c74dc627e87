"""Recording: what counts, what has a latency, what several workers add up to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.metrics import metrics_of
from loadtest.recorder import Recorder
from loadtest.sample import Failure, Sample
from loadtest.totals import (
    OPENING,
    RecorderState,
    Remark,
    SecondState,
    absorb,
    histogram,
    merge_operations,
    merged,
    percentile,
)
from loadtest.workload import Operation
from reference_impl.metrics import ErrorClass

IS_ERROR = Failure(ErrorClass.IS_ERROR, "", "it broke")
TIMEOUT = Failure(ErrorClass.TIMEOUT, "receive", "no answer")


def sample(seconds: float, at: float = 10.0, wait: float = 0.0, failure: Failure | None = None) -> Sample:
    sent = at + wait
    return Sample("echo", at, sent, sent + seconds / 2, sent + seconds, 100, failure)


def recorded(*samples: Sample, measure_from: float = 10.0) -> RecorderState:
    recorder = Recorder(measure_from)
    for each in samples:
        recorder.record(each)
    return recorder.state()


def milliseconds(encoded: str, percent: float) -> float:
    return float(histogram(encoded).get_value_at_percentile(percent)) / 1000


def test_the_corrected_latency_includes_the_wait_before_sending() -> None:
    echo = recorded(sample(0.010, wait=0.200)).operations["echo"]
    assert milliseconds(echo.corrected, 100) == pytest.approx(210, rel=0.002)
    assert milliseconds(echo.uncorrected, 100) == pytest.approx(10, rel=0.002)


def test_a_clock_that_reads_the_same_twice_gives_no_negative_latency() -> None:
    assert (sample(0.0, wait=-0.1).corrected, sample(0.0).uncorrected) == (0.0, 0.0)


def test_what_was_meant_to_start_in_the_warm_up_is_not_counted() -> None:
    state = recorded(sample(0.5, at=9.9), sample(0.001, at=10.0))
    assert state.warm_up == 1
    assert state.operations["echo"].total == 1


def test_a_failure_counts_but_has_no_latency() -> None:
    echo = recorded(sample(0.001), sample(0.9, failure=IS_ERROR)).operations["echo"]
    assert (echo.total, echo.failed) == (2, 1)
    assert milliseconds(echo.corrected, 100) < 2


def test_a_timeout_counts_with_the_time_it_took() -> None:
    echo = recorded(sample(0.001), sample(0.9, failure=TIMEOUT)).operations["echo"]
    assert echo.failed == 1
    assert milliseconds(echo.corrected, 100) > 899


def test_a_request_that_was_never_sent_has_no_uncorrected_latency() -> None:
    unsent = Sample("echo", 10.0, 11.0, 11.0, 11.0, 0, TIMEOUT)
    echo = recorded(unsent).operations["echo"]
    assert milliseconds(echo.corrected, 100) == pytest.approx(1000, rel=0.002)
    assert histogram(echo.uncorrected).get_total_count() == 0


def test_errors_are_told_apart_by_class_and_code() -> None:
    state = recorded(sample(0.1, failure=IS_ERROR), sample(0.1, failure=TIMEOUT), sample(0.1, failure=IS_ERROR))
    assert {(row.error_class, row.code): row.count for row in state.errors} == {
        ("is-error", ""): 2,
        ("timeout", "receive"): 1,
    }
    assert state.errors[0].example == "it broke"


def test_each_second_has_its_own_counts_and_percentiles() -> None:
    recorder = Recorder(10.0)
    for number in range(100):
        recorder.record(sample(0.001 * (number + 1), at=10.5))
    recorder.record(sample(0.1, at=11.5, failure=IS_ERROR))
    assert recorder.totals == (101, 1)
    assert percentile(recorder.second(0), 99) == pytest.approx(0.099, rel=0.01)
    assert (recorder.second(1).completed, recorder.second(1).failed) == (1, 1)
    assert percentile(recorder.second(1), 99) is None
    assert recorder.second(2) == SecondState()


def test_openings_and_strays_are_no_operations() -> None:
    recorder = Recorder(10.0)
    recorder.record_opening(sample(0.02, at=1.0))
    recorder.record_stray("echo", Failure(ErrorClass.TRANSPORT, "stray", "INFO"))
    state = recorder.state()
    assert state.opening is not None
    assert state.opening.total == 1
    assert state.operations["echo"].total == 0
    assert [(row.operation, row.code) for row in state.errors] == [("echo", "stray")]


def test_a_failed_opening_is_listed_under_its_own_name() -> None:
    recorder = Recorder()
    recorder.record_opening(sample(0.02, failure=TIMEOUT))
    assert [row.operation for row in recorder.state().errors] == [OPENING]


latencies = st.lists(st.floats(min_value=1e-6, max_value=30), max_size=20)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(latencies, latencies)
def test_workers_add_up_to_one_recorder(left: list[float], right: list[float]) -> None:
    apart = merged([recorded(*map(sample, left)), recorded(*map(sample, right))])
    together = recorded(*map(sample, left + right))
    assert apart.seconds == together.seconds
    one, other = merge_operations(apart.operations.values()), merge_operations(together.operations.values())
    assert (one.total, one.failed) == (other.total, other.failed)
    assert one.corrected_seconds == pytest.approx(other.corrected_seconds)
    for percent in (1, 50, 99, 100):
        assert milliseconds(one.corrected, percent) == milliseconds(other.corrected, percent)


def test_errors_of_workers_add_up() -> None:
    state = recorded(sample(0.1, failure=IS_ERROR))
    assert [row.count for row in merged([state, state]).errors] == [2]


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.lists(st.floats(min_value=1e-4, max_value=3000), min_size=1, max_size=40))
def test_histograms_keep_three_digits(values: list[float]) -> None:
    echo = recorded(*(sample(value, at=0.0) for value in values), measure_from=0.0).operations["echo"]
    assert milliseconds(echo.corrected, 50) == pytest.approx(1000 * sorted(values)[(len(values) - 1) // 2], rel=0.011)


def test_metrics_are_those_of_tools_and_resources_where_it_is_known_what_was_asked() -> None:
    asked = [
        Operation(name="small", method="tools/call", params={"name": "search", "arguments": {"size": 1}}),
        Operation(name="large", method="tools/call", params={"name": "search", "arguments": {"size": 9}}),
        Operation(name="read", method="resources/read", params={"uri": "file:///a"}),
        Operation(name="list", method="tools/list"),
    ]
    samples = [Sample(operation.name, 10.0, 10.0, 10.1, 10.1) for operation in asked]
    metrics = metrics_of(recorded(*samples), asked)
    assert {name: each.total_calls for name, each in metrics.tool_calls.items()} == {"search": 2, "list": 1}
    assert list(metrics.resource_accesses) == ["file:///a"]
    assert metrics.tool_calls["search"].latency.count == 2


def test_parts_of_the_way_are_recorded_from_sending_on_and_add_up() -> None:
    one = Sample("echo", 10.0, 10.2, 10.3, 10.5, 0, None, 10.4)
    state = merged([recorded(one), recorded(one, sample(0.1))])
    phases = state.operations["echo"].phases
    assert milliseconds(phases["first byte"].histogram, 100) == pytest.approx(100, rel=0.01)
    assert milliseconds(phases["first progress"].histogram, 50) == pytest.approx(200, rel=0.01)
    assert [histogram(each.histogram).get_total_count() for each in phases.values()] == [3, 2]


def test_a_run_reads_as_the_metrics_of_servers_do() -> None:
    metrics = metrics_of(recorded(sample(0.010), sample(0.030), sample(0.5, failure=IS_ERROR)))
    echo = metrics.tool_calls["echo"]
    assert (echo.total_calls, echo.successful_calls) == (3, 2)
    assert echo.latency.percentile(100) == pytest.approx(0.030, rel=0.01)
    assert metrics.errors.by_class() == {"is-error": 1}
    assert metrics.error_rate == pytest.approx(1 / 3)


def test_what_is_drained_from_time_to_time_adds_up_to_the_whole() -> None:
    whole, parts, told = Recorder(), Recorder(), RecorderState(operations={})
    for index in range(60):
        each = sample(0.001 * index, at=index / 20, failure=TIMEOUT if index % 7 == 0 else None)
        whole.record(each)
        parts.record(each)
        if index % 25 == 0:
            absorb(told, parts.drain().state())
    assert parts.totals == whole.totals == (60, 9)
    absorb(told, parts.drain().state())
    assert merged([told, RecorderState()]) == merged([whole.state(), RecorderState()])
    assert parts.state() == Recorder().state()


def test_what_turns_remark_travels_with_the_rest_and_is_bounded() -> None:
    recorder = Recorder()
    for number in range(1200):
        recorder.remark(Remark(kind="odd" if number % 2 else "even", numbers={"number": number}))
    one = merged([recorder.drain().state(), RecorderState(remarks=(Remark(kind="late", text="another's"),))])
    assert [sum(each.kind == kind for each in one.remarks) for kind in ("odd", "even", "late")] == [600, 600, 1]
    assert recorder.state().remarks == ()
    for _ in range(1200):
        recorder.remark(Remark(kind="odd"))
    assert len(recorder.state().remarks) == 1000


def test_silence_begins_with_the_first_of_the_requests_that_nobody_answers() -> None:
    recorder = Recorder()
    for at, failure, since in ((1.0, None, None), (2.0, TIMEOUT, 2.5), (3.0, TIMEOUT, 2.5), (4.0, IS_ERROR, None)):
        recorder.record(sample(0.5, at=at, failure=failure))
        assert recorder.silent_since == since


def test_silence_lasts_from_the_first_request_that_is_not_answered_to_the_end_of_the_last() -> None:
    recorder = Recorder()
    assert recorder.silence == 0.0
    for at, failure, silence in ((1.0, TIMEOUT, 0.5), (2.0, None, 0.0), (2.2, TIMEOUT, 0.2), (9.0, TIMEOUT, 7.0)):
        recorder.record(sample(0.5, at=at, failure=failure))
        assert recorder.silence == pytest.approx(silence)
