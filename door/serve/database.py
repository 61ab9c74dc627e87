"""`touchstone serve database`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated

import typer

from door.serve.listening import ServingOptions, need, serve

__all__ = ["DatabaseOptions", "database"]


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """What may be done to the database, and what one call may cost."""

    write: Annotated[bool, typer.Option("--write", help="Allow to change rows (tool modify_data).")] = False
    connections: Annotated[int, typer.Option("--connections", min=1, help="Statements at once.")] = 4
    timeout: Annotated[float, typer.Option("--timeout", metavar="SECONDS", help="Time of one statement.")] = 30
    max_rows: Annotated[int, typer.Option("--max-rows", min=1, help="Rows of one result.")] = 1000
    max_bytes: Annotated[int, typer.Option("--max-bytes", min=1, help="Bytes of one result.")] = 1_000_000
    max_changes: Annotated[int, typer.Option("--max-changes", min=1, help="Rows that one statement changes.")] = 10_000


def database(
    serving: ServingOptions,
    options: DatabaseOptions,
    url: Annotated[
        str | None,
        typer.Argument(
            metavar="URL",
            help="A path, sqlite:///PATH, postgresql://..., or env:NAME for a variable that holds one; "
            "without it, a sample.",
        ),
    ] = None,
) -> int:
    """A database to query: SQLite or PostgreSQL, read-only unless --write."""
    need("sqlglot")
    from reference_impl.servers.database import DatabaseSettings, make_server

    return serve(lambda: make_server(url, DatabaseSettings(**asdict(options))), serving)
