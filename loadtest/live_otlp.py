"""A run's figures while it lasts, sent by OpenTelemetry. Needs its SDK and the exporter for OTLP over HTTP.

Latencies are percentiles since the beginning, as gauges in seconds: OpenTelemetry takes no histogram that is there
already.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from loadtest.live import Figures

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Observation

__all__ = ["MissingError", "sending"]

_PERCENTILES = (50, 90, 99, 99.9)
_INTERVAL_MILLISECONDS = 1000
_PATIENCE_MILLISECONDS = 5000

Read = Callable[[Figures], Iterator["Observation"]]


class MissingError(Exception):
    """A package is missing; the message says which, and how to install it."""


@contextlib.contextmanager
def sending(endpoint: str | None, figures: Callable[[], Figures]) -> Iterator[None]:
    """Send figures once a second until the context ends, and once more then. Raises `MissingError`.

    `endpoint` is the collector's address, `/v1/metrics` is added where it has no path; None leaves everything to the
    `OTEL_` variables. A collector that cannot be reached spoils no run.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    except ImportError:
        raise MissingError("--live-otlp needs OpenTelemetry: pip install 'mcp-touchstone[otlp]'") from None
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(endpoint=None if endpoint is None else _metrics_at(endpoint)),
        export_interval_millis=_INTERVAL_MILLISECONDS,
        export_timeout_millis=_PATIENCE_MILLISECONDS,
    )
    provider = MeterProvider([reader], shutdown_on_exit=False)
    meter = provider.get_meter("touchstone.load")
    for name, read, unit in _COUNTERS:
        meter.create_observable_counter(f"touchstone.load.{name}", [_callback(figures, read)], unit)
    for name, read, unit in _GAUGES:
        meter.create_observable_gauge(f"touchstone.load.{name}", [_callback(figures, read)], unit)
    try:
        yield
    finally:
        provider.shutdown(_PATIENCE_MILLISECONDS)


def _metrics_at(endpoint: str) -> str:
    address = endpoint.rstrip("/")
    return address if address.partition("://")[2].count("/") else f"{address}/v1/metrics"


def _callback(figures: Callable[[], Figures], read: Read) -> Callable[[CallbackOptions], Iterator[Observation]]:
    return lambda _options: read(figures())


def _one(value: float, **attributes: str | float) -> Observation:
    from opentelemetry.metrics import Observation

    return Observation(value, attributes)


def _requests(figures: Figures) -> Iterator[Observation]:
    for name, each in figures.metrics.tool_calls.items():
        yield _one(each.successful_calls, operation=name, outcome="ok")
        yield _one(each.total_calls - each.successful_calls, operation=name, outcome="failed")


def _errors(figures: Figures) -> Iterator[Observation]:
    for (error_class, code), each in figures.metrics.errors.kinds.items():
        yield _one(each.count, **{"error.type": error_class, "code": code})


def _latency(figures: Figures) -> Iterator[Observation]:
    for name, each in figures.metrics.tool_calls.items():
        for percent in _PERCENTILES:
            yield _one(each.latency.percentile(percent), operation=name, percentile=percent)


def _in_flight(figures: Figures) -> Iterator[Observation]:
    yield _one(figures.in_flight)


def _rate(figures: Figures) -> Iterator[Observation]:
    yield _one(figures.rate)


def _lag(figures: Figures) -> Iterator[Observation]:
    yield _one(figures.lag)


_COUNTERS: tuple[tuple[str, Read, str], ...] = (
    ("requests", _requests, "{request}"),
    ("errors", _errors, "{error}"),
)
_GAUGES: tuple[tuple[str, Read, str], ...] = (
    ("latency", _latency, "s"),
    ("in_flight", _in_flight, "{request}"),
    ("rate", _rate, "{request}/s"),
    ("generator.lag", _lag, "s"),
)
