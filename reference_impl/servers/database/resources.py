"""Schemas as resources: `schema://tables` for all tables, `schema://tables/{table}` for one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from reference_impl.protocol.messages import encode_json
from reference_impl.server import ResourceNotFoundError
from reference_impl.servers.database.tables import TableName

if TYPE_CHECKING:
    from reference_impl.servers.database.server import DatabaseMCPServer

__all__ = ["MOST_TABLES", "follow", "named", "register"]

MOST_TABLES = 1000
_ALL = "schema://tables"
_ONE = "schema://tables/{table}"
_JSON = "application/json"


def register(server: DatabaseMCPServer) -> None:
    """Add the list and the template; the tables themselves come as they are found."""

    @server.resource(_ALL, "tables", "All tables and views that can be read.", title="Tables", mimeType=_JSON)
    async def tables() -> str:
        return encode_json([table.structured() for table in await server.get_tables()]).decode()

    @server.resource(_ONE, "table", "What one table is made of.", title="Table", mimeType=_JSON)
    async def table(table: str) -> str:
        return await _described(server, table)

    @server.completion(_ONE, "table")
    async def complete(value: str, _known: dict[str, str]) -> list[str]:
        return await named(server, value)


async def named(server: DatabaseMCPServer, start: str) -> list[str]:
    """Return the names of tables that begin with `start`."""
    return [table.name for table in await server.get_tables() if table.name.lower().startswith(start.lower())]


async def _described(server: DatabaseMCPServer, name: str) -> str:
    found = await server.engine.table(name)
    if found is None:
        raise ResourceNotFoundError(name)
    return encode_json(found.structured()).decode()


def follow(server: DatabaseMCPServer, tables: Sequence[TableName]) -> None:
    """Offer exactly these tables as resources; those who listen hear of changes alone."""
    wanted = {f"{_ALL}/{quote(table.name, safe='')}": table for table in tables}
    for uri in [uri for uri in server.resources if uri != _ALL and uri not in wanted]:
        server.remove("resources", uri)
    for uri, table in wanted.items():
        if uri not in server.resources:
            _add(server, uri, table)


def _add(server: DatabaseMCPServer, uri: str, table: TableName) -> None:
    words = table.comment or f"What the {table.kind} {table.name} is made of."

    @server.resource(uri, table.name, words, mimeType=_JSON)
    async def described() -> str:
        return await _described(server, table.name)
