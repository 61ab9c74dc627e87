"""A run's figures while it lasts: a page for Prometheus. The figures are those of all generators, added up."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from loadtest.crew import Crew
from loadtest.exposition import MEDIA_TYPE, Family, Sample, page
from loadtest.metrics import metrics_of
from reference_impl.metrics import LatencyHistogram, ServerMetrics

__all__ = ["Figures", "families", "page_of", "serve_page"]

_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds, as those of the reference server's own page."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of a run at one moment; `rate` is that of the last second that is complete."""

    metrics: ServerMetrics = field(default_factory=ServerMetrics)
    in_flight: int = 0
    lag: float = 0.0
    rate: float = 0.0
    workers: int = 0

    @classmethod
    def of(cls, crew: Crew) -> Figures:
        """Take them from what was reported until now."""
        return cls(metrics_of(crew.state), crew.in_flight, crew.lag, crew.rate, crew.present)


def families(figures: Figures) -> Iterator[Family]:
    """Yield the metrics of the page."""
    calls = figures.metrics.tool_calls
    outcomes = [
        Sample(float(count), {"operation": name, "outcome": outcome})
        for name, each in calls.items()
        for outcome, count in (("ok", each.successful_calls), ("failed", each.total_calls - each.successful_calls))
    ]
    yield Family("touchstone_load_requests_total", "counter", "Requests of the measurement that have ended.", outcomes)
    errors = [
        Sample(float(each.count), {"class": error_class, "code": code})
        for (error_class, code), each in figures.metrics.errors.kinds.items()
    ]
    yield Family("touchstone_load_errors_total", "counter", "Failures by class and code.", errors)
    latencies = [sample for name, each in calls.items() for sample in _buckets(name, each.latency)]
    yield Family("touchstone_load_latency_seconds", "histogram", "Latency from the intended start.", latencies)
    gauges = (
        ("in_flight", "Requests that are not answered yet.", float(figures.in_flight)),
        ("rate", "Requests that ended in the last complete second.", figures.rate),
        ("generator_lag_seconds", "How late the timers of the worst generator were.", figures.lag),
        ("workers", "Generators that are at work.", float(figures.workers)),
    )
    for name, said, value in gauges:
        yield Family(f"touchstone_load_{name}", "gauge", said, (Sample(value),))


def _buckets(operation: str, latency: LatencyHistogram) -> Iterator[Sample]:
    hit = list(latency.buckets())
    seen = at = 0
    for bound in _BOUNDS:
        while at < len(hit) and hit[at][0] <= bound:
            seen += hit[at][1]
            at += 1
        yield Sample(float(seen), {"operation": operation, "le": f"{bound:g}"}, "_bucket")
    yield Sample(float(latency.count), {"operation": operation, "le": "+Inf"}, "_bucket")
    yield Sample(latency.total, {"operation": operation}, "_sum")
    yield Sample(float(latency.count), {"operation": operation}, "_count")


def page_of(figures: Figures) -> bytes:
    """Return the page."""
    return page(families(figures))


@contextlib.contextmanager
def serve_page(make: Callable[[], bytes], host: str, port: int) -> Iterator[int]:
    """Serve a page at `/metrics` until the context ends; give the port. Raises `OSError` where that is taken."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer."""
            known = self.path.partition("?")[0] in ("/metrics", "/")
            body = make() if known else b"the figures are at /metrics\n"
            self.send_response(200 if known else 404)
            self.send_header("content-type", MEDIA_TYPE)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given
            """Say nothing: whoever watches the run has the terminal."""

    server = ThreadingHTTPServer((host, port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
