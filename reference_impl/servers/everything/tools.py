"""Tools that compute, wait, fail and report."""

from __future__ import annotations

import asyncio
from typing import Any

from reference_impl.server import AdvancedMCPServer, Context, ToolError, ToolResult
from reference_impl.server import text as text_block

__all__ = ["MUTATING", "READ_ONLY", "register"]

READ_ONLY = {"readOnlyHint": True, "openWorldHint": False}
MUTATING = {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": False, "openWorldHint": False}
_MOST_SECONDS = 30
_LARGEST_BLOB = 16 * 1024 * 1024
_EXTRA = "extra"


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


def register(server: AdvancedMCPServer) -> None:
    """Add the tools of this module."""
    for add in (_add_plain, _add_sized, _add_routed, _add_slow, _add_log, _add_toggle, _add_touch):
        add(server)


def _add_plain(server: AdvancedMCPServer) -> None:
    @server.tool(
        "echo",
        "Returns its text unchanged.",
        _object({"text": {"type": "string", "description": "What to return"}}, "text"),
        title="Echo",
        annotations=READ_ONLY,
    )
    async def echo(text: str) -> str:
        return text

    number = {"type": "number"}

    @server.tool(
        "add",
        "Adds two numbers and returns the sum as structured content.",
        _object(
            {"a": number | {"description": "First summand"}, "b": number | {"description": "Second summand"}}, "a", "b"
        ),
        title="Add",
        annotations=READ_ONLY,
        outputSchema={"type": "object", "properties": {"sum": number}, "required": ["sum"]},
    )
    async def add(a: float, b: float) -> dict[str, float]:
        return {"sum": a + b}

    @server.tool(
        "fail",
        "Always fails, with the given message as an error result.",
        _object(
            {"message": {"type": "string", "description": "What the error says", "default": "This tool always fails"}}
        ),
        title="Fail",
        annotations=READ_ONLY,
    )
    async def fail(message: str = "This tool always fails") -> str:
        raise ToolError(message)


def _add_sized(server: AdvancedMCPServer) -> None:
    size = {"type": "integer", "minimum": 0, "maximum": _LARGEST_BLOB, "description": "Length of the text in bytes"}

    @server.tool(
        "blob",
        "Returns a text of the given size, for measuring how large results travel.",
        _object({"size": size}, "size"),
        title="Blob",
        annotations=READ_ONLY,
    )
    async def blob(size: int) -> str:
        return ("0123456789abcdef" * (int(size) // 16 + 1))[: int(size)]


def _add_routed(server: AdvancedMCPServer) -> None:
    region = {"type": "string", "description": "Where to route the call", "x-mcp-header": "Region"}
    shard = {"type": "integer", "description": "Which part of it", "x-mcp-header": "Shard"}
    dry = {"type": "boolean", "description": "Whether only to say so", "x-mcp-header": "Dry"}

    @server.tool(
        "route",
        "Says where it was routed to. Over HTTP, clients mirror its parameters into headers.",
        _object({"region": region, "shard": shard, "dry": dry}, "region"),
        title="Route",
        annotations=READ_ONLY,
    )
    async def route(region: str, shard: int | None = None, dry: bool = False) -> ToolResult:
        words = f"Routed to {region}{'' if shard is None else f', shard {shard}'}{', dry' if dry else ''}"
        return ToolResult([text_block(words)], meta={"com.example.everything/region": region})


def _add_slow(server: AdvancedMCPServer) -> None:
    seconds = {
        "type": "number",
        "minimum": 0,
        "maximum": _MOST_SECONDS,
        "default": 1,
        "description": "How long to take",
    }
    steps = {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": 10,
        "description": "How many reports on the way",
    }

    @server.tool(
        "slow",
        "Takes the given number of seconds and reports progress on the way, if asked to.",
        _object({"seconds": seconds, "steps": steps}),
        title="Slow",
        annotations=READ_ONLY,
    )
    async def slow(context: Context, seconds: float = 1, steps: int = 10) -> str:
        count = int(steps)
        for step in range(1, count + 1):
            await asyncio.sleep(seconds / count)
            context.progress(step, count, f"Step {step} of {count}")
        return f"Took {seconds:g} s"


def _add_log(server: AdvancedMCPServer) -> None:
    level = {
        "type": "string",
        "enum": ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"],
        "default": "info",
        "description": "Severity of the messages",
    }
    count = {"type": "integer", "minimum": 1, "maximum": 100, "default": 3, "description": "How many messages"}

    @server.tool(
        "log",
        "Sends log messages of one level, to clients that want that level.",
        _object({"level": level, "count": count}),
        title="Log",
        annotations=READ_ONLY,
    )
    async def log(context: Context, level: str = "info", count: int = 3) -> str:
        for number in range(1, int(count) + 1):
            context.log(level, f"Message {number}", "everything")
        return f"Logged at level {level}"


def _add_toggle(server: AdvancedMCPServer) -> None:
    @server.tool(
        "toggle_extra_tool",
        "Adds the tool `extra` to the list of tools, or takes it away, and announces the change.",
        title="Toggle extra tool",
        annotations=MUTATING,
    )
    async def toggle_extra_tool() -> str:
        if _EXTRA in server.tools:
            server.remove("tools", _EXTRA)
            return "The tool is gone"
        server.tool(_EXTRA, "Is there only after a toggle.", annotations=READ_ONLY)(_extra)
        return "The tool is there"


def _add_touch(server: AdvancedMCPServer) -> None:
    uri = {
        "type": "string",
        "format": "uri",
        "default": "test://watched-resource",
        "description": "Which resource to touch",
    }

    @server.tool(
        "touch_resource",
        "Announces to subscribers that a resource has changed.",
        _object({"uri": uri}),
        title="Touch resource",
        annotations=MUTATING,
    )
    async def touch_resource(uri: str = "test://watched-resource") -> str:
        if server.find_resource(uri) is None:
            raise ToolError(f"There is no resource {uri}")
        server.resource_updated(uri)
        return f"Touched {uri}"


async def _extra() -> str:
    return "I am extra"
