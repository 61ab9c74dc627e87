"""The metrics model: exact counts, a bounded relative error, bounded memory."""

import math
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_impl.metrics import OVERFLOW, ErrorClass, LatencyHistogram, ServerMetrics

durations = st.floats(min_value=1e-6, max_value=3600.0)


def metrics(limit: int = 1024) -> ServerMetrics:
    ticks, walls = count(100), count(5000)
    return ServerMetrics(clock=lambda: float(next(ticks)), wall_clock=lambda: float(next(walls)), limit=limit)


def filled(values: list[float]) -> LatencyHistogram:
    histogram = LatencyHistogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(durations)
def test_a_value_is_reported_within_one_percent(value: float) -> None:
    histogram = LatencyHistogram()
    # Neighbours far away keep the clamp to the extremes from hiding the error.
    histogram.record(0.0)
    histogram.record(value)
    histogram.record(1e6)
    assert math.isclose(histogram.percentile(60), value, rel_tol=0.01)


@given(st.lists(durations, min_size=1, max_size=60), st.floats(min_value=0, max_value=100))
def test_a_percentile_is_near_the_value_of_its_rank(values: list[float], percent: float) -> None:
    rank = max(1, math.ceil(len(values) * percent / 100))
    assert math.isclose(filled(values).percentile(percent), sorted(values)[rank - 1], rel_tol=0.01)


@given(st.lists(durations, max_size=30), st.lists(durations, max_size=30))
def test_merging_equals_recording_together(left: list[float], right: list[float]) -> None:
    merged, together = filled(left), filled(left + right)
    merged.merge(filled(right))
    assert list(merged.buckets()) == list(together.buckets())
    assert (merged.count, merged.minimum, merged.maximum) == (together.count, together.minimum, together.maximum)
    assert math.isclose(merged.total, together.total)


@given(st.lists(durations, min_size=1, max_size=30))
def test_buckets_ascend_and_bound_their_values(values: list[float]) -> None:
    bounds = [bound for bound, _ in filled(values).buckets()]
    assert bounds == sorted(set(bounds))
    assert bounds[-1] >= max(values)
    assert sum(times for _, times in filled(values).buckets()) == len(values)


def test_an_empty_histogram_reads_as_zero() -> None:
    empty = LatencyHistogram()
    assert (empty.percentile(99), empty.mean, empty.count) == (0.0, 0.0, 0)


@pytest.mark.parametrize("value", [-0.001, math.nan, math.inf])
def test_what_is_no_duration_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite number of seconds"):
        LatencyHistogram().record(value)


@pytest.mark.parametrize("percent", [-1, 100.1])
def test_a_percentile_outside_the_scale_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 100"):
        LatencyHistogram().percentile(percent)


def test_tool_calls_add_up() -> None:
    subject = metrics()
    subject.record_tool_call("echo", 0.1, success=True)
    subject.record_tool_call("echo", 0.3, success=False)
    echo = subject.tool_calls["echo"]
    assert (echo.total_calls, echo.successful_calls, echo.last_called) == (2, 1, 5001.0)
    assert echo.total_duration == pytest.approx(0.4)
    assert echo.average_duration == pytest.approx(0.2)


def test_the_summary_is_plain_and_complete() -> None:
    subject = metrics()
    subject.record_tool_call("echo", 0.1, success=True)
    subject.record_resource_access("file:///{path}", 0.2)
    summary = subject.get_performance_summary()
    assert summary["tool_performance"]["echo"]["total_calls"] == 1
    assert summary["tool_performance"]["echo"]["latency"]["p99"] == pytest.approx(0.1, rel=0.01)
    assert summary["resource_performance"]["file:///{path}"]["successful_calls"] == 1
    assert (summary["error_rate"], summary["errors"], summary["uptime"]) == (0.0, {}, 1.0)


def test_a_failure_told_twice_counts_once_in_the_error_rate() -> None:
    subject = metrics()
    subject.record_tool_call("echo", 0.1, success=True)
    subject.record_tool_call("echo", 0.1, success=False)
    subject.record_error(ErrorClass.IS_ERROR)
    assert subject.error_rate == 0.5


def test_a_failure_told_only_as_an_error_counts_in_the_error_rate() -> None:
    subject = metrics()
    subject.record_tool_call("echo", 0.1, success=True)
    subject.record_error(ErrorClass.JSON_RPC, -32602, "Invalid params")
    assert subject.error_rate == 1.0
    assert subject.errors.by_class() == {"json-rpc": 1}
    assert subject.errors.kinds["json-rpc", "-32602"].example == "Invalid params"


def test_a_metric_without_calls_has_no_errors() -> None:
    assert metrics().error_rate == 0.0


def test_errors_stay_bounded_whatever_the_peer_sends() -> None:
    subject = metrics()
    for code in range(1000):
        subject.record_error(ErrorClass.JSON_RPC, code, "x" * 10_000)
    assert subject.errors.total == 1000
    assert len(subject.errors.kinds) == 65
    assert subject.errors.kinds[OVERFLOW, ""].count == 936
    assert max(len(kind.example) for kind in subject.errors.kinds.values()) == 200


def test_names_stay_bounded_whatever_the_peer_sends() -> None:
    subject = metrics(limit=3)
    for number in range(10):
        subject.record_tool_call(f"tool{number}", 0.1, success=True)
    assert set(subject.tool_calls) == {"tool0", "tool1", "tool2", OVERFLOW}
    assert subject.tool_calls[OVERFLOW].total_calls == 7


def test_merged_metrics_equal_metrics_recorded_together() -> None:
    left, right = metrics(), metrics()
    left.record_tool_call("echo", 0.1, success=True)
    right.record_tool_call("echo", 0.3, success=False)
    right.record_resource_access("db://{table}")
    right.record_error(ErrorClass.TIMEOUT)
    left.merge(right)
    assert left.tool_calls["echo"].total_calls == 2
    assert left.tool_calls["echo"].latency.maximum == 0.3
    assert left.resource_accesses["db://{table}"].total_calls == 1
    assert left.errors.by_class() == {"timeout": 1}
