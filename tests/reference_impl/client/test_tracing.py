"""The trace that a request belongs to."""

import subprocess
import sys

import pytest

from reference_impl.client import CallOptions

trace = pytest.importorskip("opentelemetry.trace", reason="needs the OpenTelemetry API")

pytestmark = pytest.mark.anyio

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-11111111111111111111111111111111-2222222222222222-00"


def current_span():
    context = trace.SpanContext(
        trace_id=0x0AF7651916CD43DD8448EB211C80319C,
        span_id=0xB7AD6B7169203331,
        is_remote=False,
        trace_flags=trace.TraceFlags(1),
        trace_state=trace.TraceState([("vendor", "x")]),
    )
    return trace.use_span(trace.NonRecordingSpan(context))


async def received(talk, options):
    """Return the `_meta` of a call that a legacy server saw."""
    seen = []

    async def server(peer):
        await peer.open_legacy()
        call = await peer.expect("tools/call")
        seen.append(call["params"].get("_meta"))
        await peer.answer(call, {"content": []})

    async with talk(server) as client:
        await client.call_tool("x", options=options)
    return seen[0]


async def test_a_request_inside_a_span_tells_the_server_so(talk):
    with current_span():
        assert await received(talk, CallOptions()) == {"traceparent": PARENT, "tracestate": "vendor=x"}


async def test_a_caller_who_names_another_trace_is_right(talk):
    with current_span():
        meta = await received(talk, CallOptions(meta={"traceparent": OTHER, "baggage": "user=ada"}))
    assert meta == {"traceparent": OTHER, "tracestate": "vendor=x", "baggage": "user=ada"}


async def test_outside_of_spans_nothing_is_told(talk):
    assert await received(talk, CallOptions()) is None


def test_the_api_is_not_loaded_by_the_client():
    program = "import reference_impl.client, sys; print('opentelemetry' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
