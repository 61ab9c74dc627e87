"""A run's figures while it lasts, and pages of Prometheus written and read."""

import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from loadtest.crew import Crew
from loadtest.exposition import Family, Sample, page, read
from loadtest.live import Figures, page_of, serve_page
from loadtest.recorder import Recorder
from loadtest.reporting import Delta
from loadtest.sample import Failure
from loadtest.sample import Sample as Request
from reference_impl.metrics import ErrorClass


def figures() -> Figures:
    crew = Crew()
    for worker in range(2):
        recorder = Recorder()
        for latency in (0.002, 0.2):
            recorder.record(Request("echo", 0.0, 0.0, 0.001, latency))
        recorder.record(Request("echo", 0.1, 0.1, 0.2, 0.2, 0, Failure(ErrorClass.TRANSPORT, "receive", "broken")))
        crew.add(Delta(worker=worker, until=1.0, state=recorder.state(), in_flight=3, lag=0.004))
    return Figures.of(crew)


def test_the_page_has_the_sums_of_all_generators() -> None:
    text = page_of(figures()).decode()
    assert 'touchstone_load_requests_total{operation="echo",outcome="ok"} 4' in text
    assert 'touchstone_load_requests_total{operation="echo",outcome="failed"} 2' in text
    assert 'touchstone_load_errors_total{class="transport",code="receive"} 2' in text
    assert 'touchstone_load_latency_seconds_bucket{operation="echo",le="0.0025"} 2' in text
    assert 'touchstone_load_latency_seconds_bucket{operation="echo",le="+Inf"} 4' in text
    assert read(text) | {
        "touchstone_load_in_flight": 6.0,
        "touchstone_load_rate": 6.0,
        "touchstone_load_workers": 2.0,
        "touchstone_load_generator_lag_seconds": 0.004,
    } == read(text)


def test_the_page_reads_as_the_client_library_of_prometheus_does() -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    families = {each.name: each.type for each in parser.text_string_to_metric_families(page_of(figures()).decode())}
    assert families["touchstone_load_requests"] == "counter"
    assert families["touchstone_load_latency_seconds"] == "histogram"


def test_the_page_is_served_while_it_is_wanted() -> None:
    with serve_page(lambda: page_of(figures()), "127.0.0.1", 0) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as response:
            assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
            assert b"touchstone_load_rate 6" in response.read()
        with pytest.raises(OSError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/elsewhere", timeout=30)


def test_labels_are_quoted_and_odd_lines_passed_over() -> None:
    text = page([Family("odd", "gauge", "odd", [Sample(0.5, {"name": 'a "b" \\ c\nd'})])]).decode()
    assert 'odd{name="a \\"b\\" \\\\ c\\nd"} 0.5' in text
    assert read(text + "\n# nothing\nnot a number\nlone\nbad NaN\nplain 3 1700000000\n") == {"odd": 0.5, "plain": 3.0}


class Collector(HTTPServer):
    """A collector of OpenTelemetry that keeps what it is sent."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        super().__init__(("127.0.0.1", 0), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append((self.path, body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_collector_of_opentelemetry_gets_the_same(collector: Collector) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http.metric_exporter")
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

    from loadtest.live_otlp import sending

    known = figures()
    with sending(f"http://127.0.0.1:{collector.server_address[1]}", lambda: known):
        pass  # what is known at the end is sent in any case
    path, body = collector.received[-1]
    assert path == "/v1/metrics"
    request: Any = ExportMetricsServiceRequest()
    request.ParseFromString(body)
    metrics = {each.name: each for each in request.resource_metrics[0].scope_metrics[0].metrics}
    outcomes = {
        next(item.value.string_value for item in point.attributes if item.key == "outcome"): point.as_int
        for point in metrics["touchstone.load.requests"].sum.data_points
    }
    assert outcomes == {"ok": 4, "failed": 2}
    assert metrics["touchstone.load.rate"].gauge.data_points[0].as_double == 6.0


def test_without_the_packages_a_line_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    from loadtest.live_otlp import MissingError, sending

    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    with pytest.raises(MissingError, match=r"needs OpenTelemetry: pip install"), sending(None, figures):
        pass
