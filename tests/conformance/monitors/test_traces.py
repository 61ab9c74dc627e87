"""Which trace context is held against a server."""

from __future__ import annotations

import pytest

from tests.conformance.monitors.talk import MODERN, Talk, request, result

_TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("name", "value", "outcome"),
    [
        ("traceparent", f"00-{_TRACE}-b7ad6b7169203331-01", "passed"),
        ("traceparent", f"cc-{_TRACE}-b7ad6b7169203331-01-more", "passed"),
        ("traceparent", f"ff-{_TRACE}-b7ad6b7169203331-01", "failed"),
        ("traceparent", f"00-{'0' * 32}-b7ad6b7169203331-01", "failed"),
        ("traceparent", f"00-{_TRACE.upper()}-b7ad6b7169203331-01", "failed"),
        ("traceparent", 7, "failed"),
        ("tracestate", "rojo=00f067aa0ba902b7, congo=t61rcWkgMzE,", "passed"),
        ("tracestate", "", "passed"),
        ("tracestate", "Rojo", "failed"),
        ("baggage", "userId=alice, server=node%2028;ttl=3;flag", "passed"),
        ("baggage", "alice", "failed"),
        ("com.example/traceparent", "anything", "blocked"),
    ],
)
def test_trace_context_has_the_form_of_its_header(name: str, value: object, outcome: str) -> None:
    assert Talk(MODERN).we(request(1)).it(result(1, _meta={name: value})).outcome("base.trace") == outcome
