"""`ServerMetrics` as Prometheus reads it. Needs `prometheus-client`.

registry.register(ServerCollector(metrics))       # beside the metrics of your own application
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector, CollectorRegistry

from reference_impl.metrics import LatencyHistogram, OperationMetrics, ServerMetrics

__all__ = ["ServerCollector", "expose"]

_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds. A duration counts to the first bound that its bucket of the histogram lies below: at most 0.8 % off."""


class ServerCollector(Collector):
    """Yields what `metrics` knows at the moment; `gauges` are further values by name, `info` says whose they are."""

    def __init__(
        self,
        metrics: ServerMetrics,
        gauges: Mapping[str, float] | None = None,
        info: Mapping[str, str] | None = None,
    ) -> None:
        self._metrics, self._gauges, self._info = metrics, gauges or {}, info

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        metrics = self._metrics
        if self._info is not None:
            yield InfoMetricFamily("mcp_server", "The server.", value=dict(self._info))
        yield GaugeMetricFamily("mcp_server_uptime_seconds", "Seconds since the metrics began.", metrics.uptime)
        for name, value in self._gauges.items():
            yield GaugeMetricFamily(f"mcp_server_{name}", f"How many {name} are open.", value)
        yield from _operations("tool_call", "tool", metrics.tool_calls)
        yield from _operations("resource_read", "resource", metrics.resource_accesses)
        errors = CounterMetricFamily("mcp_server_errors", "Errors by class and code.", labels=("class", "code"))
        for (error_class, code), kind in metrics.errors.kinds.items():
            errors.add_metric((error_class, code), kind.count)
        yield errors


def _operations(what: str, label: str, table: Mapping[str, OperationMetrics]) -> Iterator[Metric]:
    durations = HistogramMetricFamily(f"mcp_server_{what}_duration_seconds", "How long they took.", labels=(label,))
    outcomes = CounterMetricFamily(f"mcp_server_{what}s", "How many there were.", labels=(label, "outcome"))
    for name, operation in table.items():
        durations.add_metric((name,), list(_cumulative(operation.latency)), operation.latency.total)
        outcomes.add_metric((name, "success"), operation.successful_calls)
        outcomes.add_metric((name, "failure"), operation.total_calls - operation.successful_calls)
    yield durations
    yield outcomes


def _cumulative(latency: LatencyHistogram) -> Iterator[tuple[str, float]]:
    hit = list(latency.buckets())
    seen, at = 0, 0
    for bound in _BOUNDS:
        while at < len(hit) and hit[at][0] <= bound:
            seen += hit[at][1]
            at += 1
        yield str(bound), seen
    yield "+Inf", latency.count


def expose(collectors: Iterable[ServerCollector], accept: str) -> tuple[bytes, str]:
    """Return the page and its media type: OpenMetrics for those who accept it, else the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    for collector in collectors:
        registry.register(collector)
    encode, media_type = choose_encoder(accept)
    return encode(registry), media_type
