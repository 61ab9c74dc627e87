"""A run as the one metrics model sees it: what Prometheus, OpenTelemetry and whoever reads the model are given."""

from __future__ import annotations

from collections.abc import Iterable

from loadtest.totals import MICROSECONDS, OperationState, RecorderState, histogram
from loadtest.workload import Operation
from reference_impl.metrics import OperationMetrics, ServerMetrics

__all__ = ["metrics_of"]


def metrics_of(state: RecorderState, operations: Iterable[Operation] = ()) -> ServerMetrics:
    """Return the run as the one metrics model sees it, latencies corrected.

    Calls of a tool are counted under its name and reads of a resource by its URI, where `operations` tell what was
    asked; all other operations under their own names, as calls.
    """
    metrics = ServerMetrics()
    known = {operation.name: operation for operation in operations}
    for name, operation in state.operations.items():
        asked = known.get(name)
        table, key = metrics.tool_calls, name
        if asked is not None and asked.method == "tools/call":
            key = str(asked.params.get("name", name))
        elif asked is not None and asked.method == "resources/read":
            table, key = metrics.resource_accesses, str(asked.params.get("uri", name))
        table.setdefault(key, OperationMetrics()).merge(_metrics(operation))
    for row in state.errors:
        metrics.errors.record(row.error_class, row.code, row.example, times=row.count)
    return metrics


def _metrics(operation: OperationState) -> OperationMetrics:
    metrics = OperationMetrics(
        total_calls=operation.total,
        successful_calls=operation.total - operation.failed,
        total_duration=operation.corrected_seconds,
    )
    for item in histogram(operation.corrected).get_recorded_iterator():
        metrics.latency.record(item.value_iterated_to / MICROSECONDS, item.count_at_value_iterated_to)
    return metrics
