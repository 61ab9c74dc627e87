"""What SQLite lets a statement do: its authorizer, and its limits (https://www.sqlite.org/security.html).

The authorizer is asked while a statement is compiled, for each table, column and function that it would touch: what is
not known to be harmless is denied. The file is opened read-only besides.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from functools import lru_cache

__all__ = ["Guard", "hardened"]

_READING = frozenset((sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE))
_WRITING = frozenset((sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE))
_DIRECT_ONLY = 0x80000
"""Flag of functions that can do harm (https://www.sqlite.org/c3ref/c_deterministic.html)."""
_DANGEROUS = frozenset(
    ("load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "fsdir", "zipfile", "optimize", "eval")
)
_ASKING = frozenset(
    (
        "table_info",
        "table_xinfo",
        "table_list",
        "index_list",
        "index_info",
        "index_xinfo",
        "foreign_key_list",
        "data_version",
    )
)
"""Pragmas that describe a table, or that full-text search asks, and that change nothing."""
_SPOKEN = ("CREATE_", "DROP_", "ALTER_", "INSERT", "UPDATE", "DELETE", "ATTACH", "DETACH", "PRAGMA", "TRANSACTION")
_NAMES = {
    value: name.removeprefix("SQLITE_").replace("_", " ")
    for name, value in vars(sqlite3).items()
    if name.removeprefix("SQLITE_").startswith((*_SPOKEN, "SAVEPOINT", "ANALYZE", "REINDEX", "FUNCTION"))
}
"""What the authorizer is asked for, in words."""
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 16 * 1024 * 1024,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 400_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 200,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 1_000_000,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 100,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 500,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 20,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_PRAGMAS = ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "foreign_keys = ON")


class Guard:
    """An authorizer. `denied` is what it denied last, for the message."""

    def __init__(self, *, write: bool) -> None:
        self._write = write
        self._forbidden = _forbidden_functions()
        self.denied: str | None = None

    def __call__(
        self, action: int, first: str | None, second: str | None, _database: str | None, _by: str | None
    ) -> int:
        """Answer SQLite: allowed, or denied."""
        if self._allows(action, first or "", second):
            return sqlite3.SQLITE_OK
        self.denied = " ".join(word for word in (_NAMES.get(action), first or second) if word)
        return sqlite3.SQLITE_DENY

    def _allows(self, action: int, first: str, second: str | None) -> bool:
        if action in _READING:
            return True
        if action == sqlite3.SQLITE_FUNCTION:
            return (second or "").lower() not in self._forbidden
        if action == sqlite3.SQLITE_PRAGMA:
            return first.lower() in _ASKING
        if action == sqlite3.SQLITE_UPDATE and first == "sqlite_master":
            return True  # asked when a virtual table is opened; SQLite itself refuses to write to this table
        if action == sqlite3.SQLITE_TRANSACTION:
            return self._write  # ours; one of the statement's own would be all that it is
        return self._write and action in _WRITING and not first.lower().startswith("sqlite_")


@lru_cache(maxsize=1)
def _forbidden_functions() -> frozenset[str]:
    """Return those functions that SQLite itself keeps out of schemas, and those of its shell that can do harm."""
    with sqlite3.connect(":memory:") as connection:
        rows = connection.execute("SELECT name, flags FROM pragma_function_list").fetchall()
    connection.close()
    return _DANGEROUS | {str(name).lower() for name, flags in rows if flags & _DIRECT_ONLY}


def hardened(connection: sqlite3.Connection, *, write: bool) -> Guard:
    """Put limits and guard on a connection. Raises `sqlite3.Error`."""
    for pragma in (*_PRAGMAS, f"query_only = {'OFF' if write else 'ON'}"):
        connection.execute(f"PRAGMA {pragma}")
    for category, most in _LIMITS.items():
        connection.setlimit(category, most)
    _open_modules(connection)
    guard = Guard(write=write)
    connection.set_authorizer(guard)
    return guard


def _open_modules(connection: sqlite3.Connection) -> None:
    """Open the virtual tables before the guard stands: some modules (rtree) prepare writes of their own then, for use
    when they are written to, which the guard would deny."""
    found = connection.execute(
        "SELECT name FROM pragma_table_list WHERE type = 'virtual' AND schema = 'main' LIMIT 100"
    )
    for (name,) in found.fetchall():
        quoted = str(name).replace('"', '""')
        with suppress(sqlite3.Error):  # of a module that is not there; statements on it will fail for themselves
            connection.execute(f'SELECT 1 FROM "{quoted}" LIMIT 0').close()  # noqa: S608 - the name is quoted
