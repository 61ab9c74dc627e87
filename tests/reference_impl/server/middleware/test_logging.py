"""A line for each call."""

import asyncio
import json
import logging

import pytest

from reference_impl.server import Context, LoggingMiddleware, ToolError, ToolResult
from reference_impl.server.middleware.logging import CALLS, JsonLines

pytestmark = pytest.mark.anyio
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def server(empty_server):
    @empty_server.tool("t")
    async def tool(secret: str = "") -> str:
        return "done"

    @empty_server.tool("fail")
    async def fail() -> str:
        raise ToolError("no")

    @empty_server.tool("error")
    async def error() -> ToolResult:
        return ToolResult(is_error=True)

    @empty_server.tool("ask")
    async def ask(context: Context) -> str:
        await context.elicit("?", {"type": "object", "properties": {}})
        return "asked"

    @empty_server.tool("wait")
    async def wait() -> str:
        await asyncio.Event().wait()
        return ""

    @empty_server.resource("test://{+path}")
    async def resource(path: str) -> str:
        return path

    empty_server.add_middleware(LoggingMiddleware())
    return empty_server


async def test_a_line_of_json_tells_of_a_call_what_happened_and_the_trace_it_belongs_to(over_lines, server, caplog):
    with caplog.at_level(logging.INFO, CALLS):
        async with over_lines(server) as client:
            call = {"name": "t", "arguments": {"secret": "s3cret"}}
            await client.modern("tools/call", call, traceparent=PARENT)
    line = json.loads(JsonLines().format(caplog.records[0]))
    assert {key: line[key] for key in ("level", "logger", "kind", "name", "outcome", "revision", "trace_id")} == {
        "level": "info",
        "logger": CALLS,
        "kind": "tool",
        "name": "t",
        "outcome": "done",
        "revision": "2026-07-28",
        "trace_id": TRACE,
    }
    assert line["milliseconds"] >= 0
    assert "s3cret" not in str(line)


async def test_how_it_went_is_told(over_lines, server, caplog):
    with caplog.at_level(logging.INFO, CALLS):
        async with over_lines(server) as client:
            for name in ("t", "fail", "error", "ask"):
                await client.modern("tools/call", {"name": name}, {"elicitation": {}}, traceparent="rubbish")
            await client.initialize()
            await client.send({"jsonrpc": "2.0", "id": "w", "method": "tools/call", "params": {"name": "wait"}})
            await client.fence()
            await client.notify("notifications/cancelled", {"requestId": "w"})
            await client.fence()
    told = [(record.call["name"], record.call["outcome"], record.call["error"]) for record in caplog.records]
    assert told == [
        ("t", "done", None),
        ("fail", "failed", "ToolError"),
        ("error", "failed", None),
        ("ask", "asked", None),
        ("wait", "cancelled", None),
    ]
    assert not any("trace_id" in record.call for record in caplog.records)


async def test_a_name_from_a_client_stays_in_its_line(over_lines, server, caplog):
    with caplog.at_level(logging.INFO, CALLS):
        async with over_lines(server) as client:
            await client.modern("resources/read", {"uri": "test://a\x1b[2J\u2028tool x done"})
    assert caplog.messages[0].startswith(r"resource 'test://a\x1b[2J\u2028tool x done' done in")
    assert "\x1b" not in JsonLines().format(caplog.records[0])


async def test_a_line_is_no_longer_than_it_has_to_be(over_lines, server, caplog):
    with caplog.at_level(logging.INFO, CALLS):
        async with over_lines(server) as client:
            await client.modern("resources/read", {"uri": f"test://{'a' * 4000}"})
    assert len(caplog.messages[0]) + len(JsonLines().format(caplog.records[0])) < 2000


def test_other_records_are_json_too():
    record = logging.LogRecord("x", logging.WARNING, "f", 1, "a %s", ("b",), None)
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["level"]) == ("a b", "warning")
