"""Prompts: explain a table, and write a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference_impl.servers.database.formatting import format_schema_result, format_table_list
from reference_impl.servers.database.resources import named

if TYPE_CHECKING:
    from reference_impl.servers.database.server import DatabaseMCPServer

__all__ = ["register"]

_MOST_DESCRIBED = 20


def register(server: DatabaseMCPServer) -> None:
    """Add the prompts."""

    @server.prompt(
        "explain_table",
        "Asks what a table is for, with its schema at hand.",
        [{"name": "table", "description": "Which table", "required": True}],
        title="Explain a table",
    )
    async def explain_table(table: str) -> str:
        schema = format_schema_result(await server.get_schema(table))
        return f"Explain what this table holds, how it hangs together with others, and what to mind:\n\n{schema}"

    @server.completion("explain_table", "table")
    async def complete(value: str, _known: dict[str, str]) -> list[str]:
        return await named(server, value)

    @server.prompt(
        "write_query",
        "Asks for a query that answers a question, with the schema at hand.",
        [{"name": "question", "description": "What to find out", "required": True}],
        title="Write a query",
    )
    async def write_query(question: str) -> str:
        return (
            "Write one SELECT for this database that answers the question, with parameters "
            f"({server.engine.placeholders}) for its values, run it with execute_query, and say what came out.\n\n"
            f"Question: {question}\n\n"
            f"Tables:\n\n{await _overview(server)}"
        )


async def _overview(server: DatabaseMCPServer) -> str:
    tables = await server.get_tables()
    if len(tables) > _MOST_DESCRIBED:
        return format_table_list(tables, truncated=False)
    return "\n\n".join([format_schema_result(await server.get_schema(table.name)) for table in tables])
