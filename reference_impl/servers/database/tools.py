"""The tools: query, explain, describe, and change rows where that was allowed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from reference_impl.server import Context, ToolResult, text
from reference_impl.servers.database.formatting import format_query_result, format_schema_result, format_table_list
from reference_impl.servers.database.resources import MOST_TABLES
from reference_impl.servers.database.results import QueryResult

if TYPE_CHECKING:
    from reference_impl.servers.database.server import DatabaseMCPServer

__all__ = ["register"]

_READ_ONLY = {"readOnlyHint": True, "openWorldHint": False}
_CHANGING = {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": False, "openWorldHint": False}
_STRING = {"type": "string"}
_STRINGS = {"type": "array", "items": _STRING}
_QUERY = {"type": "string", "description": "One statement of SQL"}
_READING = _QUERY | {"examples": ["SELECT 1"]}
_VALUE = {"type": ["string", "number", "boolean", "null", "array", "object"]}

_RESULT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "columns": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": _STRING, "type": _STRING},
                "required": ["name", "type"],
            },
        },
        "rows": {"type": "array", "items": {"type": "array"}, "description": "Values in the order of the columns"},
        "row_count": {"type": "integer", "description": "How many rows are here"},
        "truncated": {"type": "boolean", "description": "Whether something is missing"},
        "truncated_because": _STRING,
        "changed_rows": {"type": "integer"},
    },
    "required": ["columns", "rows", "row_count", "truncated"],
}
_COLUMN = {
    "type": "object",
    "properties": {
        "name": _STRING,
        "type": _STRING,
        "nullable": {"type": "boolean"},
        "primary_key": {"type": "boolean"},
        "default": _STRING,
        "comment": _STRING,
    },
    "required": ["name", "type", "nullable", "primary_key"],
}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "tables": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": _STRING,
                    "kind": _STRING,
                    "comment": _STRING,
                    "columns": {"type": "array", "items": _COLUMN},
                    "foreign_keys": _STRINGS,
                    "indexes": _STRINGS,
                },
                "required": ["name", "kind"],
            },
        },
        "truncated": {"type": "boolean", "description": "Whether there are more tables"},
    },
    "required": ["tables", "truncated"],
}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})


def _params(server: DatabaseMCPServer) -> dict[str, Any]:
    """A list, and in SQLite an object besides, where placeholders have names."""
    items: dict[str, Any] = {"type": "array", "items": _VALUE}
    described = {"description": f"Values for the placeholders of the statement: {server.engine.placeholders}"}
    if server.engine.dialect == "sqlite":
        return {"anyOf": [items, {"type": "object", "additionalProperties": _VALUE}], **described}
    return items | described


def _limit(server: DatabaseMCPServer) -> dict[str, Any]:
    most = server.settings.max_rows
    words = "How many rows to return at the most"
    return {"type": "integer", "minimum": 1, "maximum": most, "default": min(100, most), "description": words}


@asynccontextmanager
async def _ticking(server: DatabaseMCPServer, context: Context) -> AsyncGenerator[None, None]:
    """Report progress once a second while a statement runs."""
    total = server.settings.timeout

    async def tick() -> None:
        for second in range(1, int(total) + 1):
            await asyncio.sleep(1)
            context.progress(second, total, f"The statement has been running for {second} s")

    ticking = asyncio.create_task(tick()) if context.progress_token is not None else None
    try:
        yield
    finally:
        if ticking is not None:
            ticking.cancel()


def _answer(result: QueryResult) -> ToolResult:
    return ToolResult([text(format_query_result(result))], structured=result.structured())


def register(server: DatabaseMCPServer) -> None:
    """Add the tools."""
    _add_query(server)
    _add_explain(server)
    _add_schema(server)
    if server.settings.write:
        _add_modify(server)


def _add_query(server: DatabaseMCPServer) -> None:
    @server.tool(
        "execute_query",
        "Runs one SQL statement that reads (SELECT, VALUES, WITH ... SELECT) and returns its rows. Give values as "
        "params, never inside of the statement. Call get_schema first to learn names and types.",
        _object({"query": _READING, "params": _params(server), "limit": _limit(server)}, "query"),
        title="Query the database",
        annotations=_READ_ONLY,
        outputSchema=_RESULT,
    )
    async def execute_query(context: Context, query: str, params: Any = (), limit: int = 100) -> ToolResult:
        async with _ticking(server, context):
            return _answer(await server.execute_query(query, params, int(limit)))


def _add_modify(server: DatabaseMCPServer) -> None:
    @server.tool(
        "modify_data",
        "Runs one INSERT, UPDATE, DELETE or MERGE in a transaction of its own, which is undone if anything fails or "
        f"more than {server.settings.max_changes} rows would change. Cannot make, change or drop tables.",
        _object({"query": _QUERY, "params": _params(server), "limit": _limit(server)}, "query"),
        title="Change rows",
        annotations=_CHANGING,
        outputSchema=_RESULT,
    )
    async def modify_data(context: Context, query: str, params: Any = (), limit: int = 100) -> ToolResult:
        async with _ticking(server, context):
            return _answer(await server.modify_data(query, params, int(limit)))


def _add_explain(server: DatabaseMCPServer) -> None:
    @server.tool(
        "explain_query",
        "Shows how the database would run a statement that reads, without running it.",
        _object({"query": _READING, "params": _params(server)}, "query"),
        title="Explain a query",
        annotations=_READ_ONLY,
        outputSchema={"type": "object", "properties": {"plan": _STRINGS}, "required": ["plan"]},
    )
    async def explain_query(query: str, params: Any = ()) -> ToolResult:
        lines = await server.explain_query(query, params)
        return ToolResult([text("\n".join(lines))], structured={"plan": lines})


def _add_schema(server: DatabaseMCPServer) -> None:
    name = {"type": "string", "description": "Which table to describe; without it, all tables are listed by name"}

    @server.tool(
        "get_schema",
        "Lists the tables and views that can be read, or describes one of them: columns with types, keys, indexes.",
        _object({"table_name": name}),
        title="Describe the tables",
        annotations=_READ_ONLY,
        outputSchema=_SCHEMA,
    )
    async def get_schema(table_name: str | None = None) -> ToolResult:
        if table_name is not None:
            table = await server.get_schema(table_name)
            structured = {"tables": [table.structured()], "truncated": False}
            return ToolResult([text(format_schema_result(table))], structured=structured)
        tables = await server.get_tables()
        shown, truncated = tables[:MOST_TABLES], len(tables) > MOST_TABLES
        structured = {"tables": [found.structured() for found in shown], "truncated": truncated}
        return ToolResult([text(format_table_list(shown, truncated=truncated))], structured=structured)
