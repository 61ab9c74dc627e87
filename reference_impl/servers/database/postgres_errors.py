"""What went wrong with PostgreSQL, in words for a model: its own message, never the URL."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from reference_impl.server.errors import ToolError
from reference_impl.servers.database.addresses import PostgresAddress
from reference_impl.servers.database.engine import QueryError, UnavailableError
from reference_impl.servers.database.traffic import Lent

__all__ = ["lost", "told"]

_SHUTDOWN = ("57P01", "57P02", "57P03", "57P05")
"""States of a server that ends a session or does not take one (Appendix A of PostgreSQL's manual)."""


def lost(error: Exception, lent: Lent | None) -> bool:
    """Tell whether the connection is gone, rather than the statement wrong."""
    import asyncpg

    if isinstance(error, asyncpg.PostgresError) and error.sqlstate in _SHUTDOWN:
        return True
    return isinstance(error, OSError | asyncpg.PostgresConnectionError) or (
        isinstance(error, asyncpg.InterfaceError) and lent is not None and lent.closed
    )


def told(error: Exception, lent: Lent | None, address: PostgresAddress) -> ToolError | None:
    """Return what to say of an exception, or None if it is none of the database's. `lent` is None while there is no
    connection yet."""
    import asyncpg

    match error:
        case ToolError():
            return error
        case _ if lent is None:
            message = f"The database at {address.shown} cannot be reached: {_reason(error, address)}"
            return UnavailableError(message)
        case _ if lent.closed and lent.counter.burst:
            message = "The rows are too large to be fetched: select fewer or shorter columns, such as left(text, 100)"
        case _ if lost(error, lent):
            where = f"The connection to the database at {address.shown}"
            return UnavailableError(f"{where} was lost while the statement ran; it changed nothing: try again")
        case asyncpg.QueryCanceledError():
            message = "The statement took too long and was cancelled: ask for less"
        case asyncpg.UnsupportedClientFeatureError() | asyncpg.InternalClientError():  # of types with members
            message = (
                "A value has a type that cannot be given or shown as it is: cast it, as $1::text::daterange, x::text"
            )
        case asyncpg.PostgresError() | asyncpg.InterfaceError() | ValueError() | TypeError() | OverflowError():
            message = f"PostgreSQL: {_reason(error, address)}"
        case _:
            return None
    return QueryError(message)


def _reason(error: Exception, address: PostgresAddress) -> str:
    """Return the message with its detail and hint, on one line, without the password."""
    import asyncpg

    parts = [getattr(error, "strerror", None) or str(error) or type(error).__name__]
    if isinstance(error, asyncpg.PostgresError):
        parts += [part for part in (error.detail, error.hint) if part]
    if isinstance(error, TimeoutError):
        parts = ["no answer in time"]
    text = " ".join(". ".join(parts).split())
    password = urlsplit(address.dsn).password
    for secret in {password, unquote(password)} if password else ():
        text = text.replace(secret, "***")
    return text
