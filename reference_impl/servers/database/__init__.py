"""The database server: one SQLite file or PostgreSQL database, to read and, where it is allowed, to change rows.

Without an address it serves a small sample database of SQLite.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from reference_impl.servers.database.settings import DatabaseSettings

if TYPE_CHECKING:
    from reference_impl.servers.database.server import DatabaseMCPServer

__all__ = ["DatabaseSettings", "make_server"]

_DEFAULTS = DatabaseSettings()


def make_server(
    url: str | None = None, settings: DatabaseSettings = _DEFAULTS, metrics: Any = None
) -> DatabaseMCPServer:
    """Return a server for a database: a path, `sqlite:///PATH`, `postgresql://...`, `env:NAME` for a variable that
    holds one of these, or nothing for the sample. `metrics` as in `AdvancedMCPServer`. Raises `SetupError`."""
    from reference_impl.server.errors import SetupError

    if find_spec("sqlglot") is None:
        raise SetupError("the database server needs sqlglot: install mcp-touchstone[servers]")
    from reference_impl.servers.database.server import DatabaseMCPServer

    return DatabaseMCPServer(url, settings, metrics)
