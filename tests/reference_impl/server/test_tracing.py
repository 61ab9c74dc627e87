"""Trace context: handlers see it, and spans continue it."""

from __future__ import annotations

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from reference_impl.protocol.errors import RemoteProtocolError
from reference_impl.server import AdvancedMCPServer, Context, ToolResult, tracing

pytestmark = pytest.mark.anyio
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def server():
    server = AdvancedMCPServer("s")

    @server.tool()
    async def seen(context: Context) -> str:
        return str(dict(context.trace))

    @server.tool()
    async def fail() -> str:
        raise RuntimeError("secret")

    @server.tool()
    async def ask(context: Context) -> str:
        await context.elicit("?", {"type": "object", "properties": {}})
        return "asked"

    @server.resource("mem://{name}")
    async def read(name: str) -> str:
        return name

    return server


@pytest.fixture
def spans(monkeypatch):
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    return exporter


async def test_a_handler_sees_the_trace_that_its_request_belongs_to(over_lines, server):
    async with over_lines(server) as client:
        meta = {"traceparent": PARENT, "tracestate": "a=b", "baggage": "k=v"}
        answer = await client.modern("tools/call", {"name": "seen"}, **meta)
        assert answer["result"]["content"][0]["text"] == str(meta)
        assert PARENT not in str(answer["result"]["_meta"])


@pytest.mark.parametrize("value", [5, None, {}, "x" * 10_000])
async def test_a_malformed_trace_says_nothing(over_lines, server, value):
    async with over_lines(server) as client:
        answer = await client.modern("tools/call", {"name": "seen"}, traceparent=value)
        assert answer["result"]["content"][0]["text"] == "{}"


async def test_a_call_is_a_span_that_continues_the_clients_trace(over_lines, server, spans):
    async with over_lines(server) as client:
        await client.modern("tools/call", {"name": "seen"}, traceparent=PARENT)
        await client.modern("resources/read", {"uri": "mem://1"})
    called, read = spans.get_finished_spans()
    assert (called.name, called.kind) == ("tools/call seen", SpanKind.SERVER)
    assert f"{called.context.trace_id:032x}" == TRACE
    assert called.attributes["gen_ai.tool.name"] == "seen"
    assert called.attributes["gen_ai.operation.name"] == "execute_tool"
    assert called.attributes["mcp.method.name"] == "tools/call"
    assert called.attributes["jsonrpc.request.id"] == "t1"
    assert (read.name, read.parent) == ("resources/read mem://{name}", None)


async def test_only_what_fails_is_an_error_and_its_words_stay_here(over_lines, server, spans):
    async with over_lines(server) as client:
        await client.modern("tools/call", {"name": "fail"})
        await client.modern("tools/call", {"name": "ask"}, {"elicitation": {}})
    failed, asked = spans.get_finished_spans()
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "RuntimeError")
    assert failed.attributes["error.type"] == "RuntimeError"
    assert failed.events == ()
    assert asked.status.status_code == StatusCode.UNSET


async def test_results_that_are_errors_and_refusals_are_errors_of_their_spans(over_lines, server, spans):
    @server.tool()
    async def wrong() -> ToolResult:
        return ToolResult(is_error=True)

    @server.tool()
    async def refused() -> str:
        raise RemoteProtocolError(-32602, "no")

    async with over_lines(server) as client:
        for name in ("wrong", "refused"):
            await client.modern("tools/call", {"name": name})
    first, second = spans.get_finished_spans()
    assert (first.status.status_code, first.attributes["error.type"]) == (StatusCode.ERROR, "tool_error")
    assert second.attributes["rpc.response.status_code"] == "-32602"


async def test_without_opentelemetry_nothing_stands_between(monkeypatch):
    monkeypatch.delitem(tracing.sys.modules, "opentelemetry.trace")

    async def handler(_invocation):
        return None

    assert tracing.traced(handler) is handler
