"""What the server needs of a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from reference_impl.server.errors import ToolError
from reference_impl.servers.database.results import QueryResult
from reference_impl.servers.database.safety import Dialect
from reference_impl.servers.database.tables import Table, TableName

__all__ = ["Engine", "Parameters", "QueryError", "UnavailableError"]

Parameters = Sequence[Any] | Mapping[str, Any]
"""Values for the placeholders, in order or by name."""


class QueryError(ToolError):
    """The database did not run a statement; says why in words for a model."""


class UnavailableError(ToolError):
    """The database cannot be reached, or has no connection to spare; another attempt may succeed."""


class Engine(Protocol):
    """A database. Every call raises `QueryError` or `UnavailableError`; one that is cancelled cancels its statement."""

    dialect: Dialect
    placeholders: str
    """How statements mark their parameters, in words."""

    async def open(self) -> None:
        """Get ready. Must not fail because the database is away."""

    async def close(self) -> None:
        """Let everything go."""

    async def read(self, query: str, params: Parameters, limit: int) -> QueryResult:
        """Run one statement that cannot change anything; return `limit` rows at the most."""

    async def write(self, query: str, params: Parameters, limit: int) -> QueryResult:
        """Run one statement that changes data in a transaction of its own; return what it returns."""

    async def explain(self, query: str, params: Parameters) -> list[str]:
        """Return the lines of the plan of a statement, without running it."""

    async def tables(self, most: int) -> list[TableName]:
        """Return the tables that can be read, `most` of them at the most, by name."""

    async def table(self, name: str) -> Table | None:
        """Return one table, or None if there is none that can be read."""
