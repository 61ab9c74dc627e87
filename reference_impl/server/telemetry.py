"""`ServerMetrics` as OpenTelemetry reads it. Needs `opentelemetry-api`.

observe(metrics)          # once; the program's own meter provider collects
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from reference_impl.metrics import OperationMetrics, ServerMetrics

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

__all__ = ["observe"]

_PERCENTILES = (50, 90, 99)
_Table = Mapping[str, OperationMetrics]


def observe(metrics: ServerMetrics, meter: Meter | None = None) -> None:
    """Let OpenTelemetry read `metrics` whenever it collects.

    Counts are counters. Durations are percentiles since the start, as gauges in seconds: OpenTelemetry takes no
    histogram that is there already.
    """
    found = meter or get_meter("reference_impl.server")
    tables: tuple[tuple[str, str, _Table], ...] = (
        ("tool.calls", "gen_ai.tool.name", metrics.tool_calls),
        ("resource.reads", "mcp.resource.uri", metrics.resource_accesses),
    )
    for name, label, table in tables:
        found.create_observable_counter(f"mcp.server.{name}", [_read(partial(_counts, table, label))])
        found.create_observable_gauge(
            f"mcp.server.{name}.duration", [_read(partial(_durations, table, label))], unit="s"
        )
    found.create_observable_counter("mcp.server.errors", [_read(partial(_errors, metrics))])
    found.create_observable_gauge("mcp.server.uptime", [_read(partial(_uptime, metrics))], unit="s")


def _read(
    observations: Callable[[], Iterator[Observation]],
) -> Callable[[CallbackOptions], Iterator[Observation]]:
    return lambda _options: observations()


def _counts(table: _Table, label: str) -> Iterator[Observation]:
    for name, operation in list(table.items()):
        failed = operation.total_calls - operation.successful_calls
        yield Observation(operation.successful_calls, {label: name, "outcome": "success"})
        yield Observation(failed, {label: name, "outcome": "failure"})


def _durations(table: _Table, label: str) -> Iterator[Observation]:
    for name, operation in list(table.items()):
        for percent in _PERCENTILES:
            yield Observation(operation.latency.percentile(percent), {label: name, "percentile": percent})


def _errors(metrics: ServerMetrics) -> Iterator[Observation]:
    for (error_class, code), kind in list(metrics.errors.kinds.items()):
        yield Observation(kind.count, {"error.type": error_class, "code": code})


def _uptime(metrics: ServerMetrics) -> Iterator[Observation]:
    yield Observation(metrics.uptime)
