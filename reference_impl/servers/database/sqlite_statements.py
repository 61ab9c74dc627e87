"""What is asked of SQLite, on one connection, in one process."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reference_impl.servers.database.results import Column, Gathering, QueryResult
from reference_impl.servers.database.tables import Table, TableColumn, TableName

if TYPE_CHECKING:
    from reference_impl.servers.database.engine import Parameters

__all__ = ["RefusedError", "change", "plan", "select", "table_names", "tables_called"]

_TYPES = {int: "integer", float: "real", str: "text", bytes: "blob"}
_TABLES = (
    "SELECT name, type FROM pragma_table_list WHERE schema = 'main' AND type <> 'shadow' AND name NOT LIKE 'sqlite\\_%'"
    " ESCAPE '\\' AND name NOT LIKE 'pragma\\_%' ESCAPE '\\'"
)
_COLUMNS = 'SELECT name, type, "notnull", dflt_value, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1 ORDER BY cid'
_FOREIGN_KEYS = """
SELECT group_concat("from", ', '), "table", group_concat("to", ', ')
FROM (SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq) GROUP BY id ORDER BY id
"""
_INDEXES = """
SELECT list.name, list."unique", group_concat(info.name, ', ')
FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info GROUP BY list.name ORDER BY list.name
"""


class RefusedError(Exception):
    """A statement is not run, or undone; says why in words for a model."""


def select(query: str, params: Parameters, gathering: Gathering, connection: sqlite3.Connection) -> QueryResult:
    """Run a statement that only reads, and gather its rows."""
    cursor = connection.execute(query, _bound(params))
    try:
        seen = _gathered(cursor, gathering)
    finally:
        cursor.close()
    return QueryResult(seen, tuple(gathering.rows), gathering.truncated)


def change(
    query: str, params: Parameters, gathering: Gathering, most: int, connection: sqlite3.Connection
) -> QueryResult:
    """Run a statement that changes data, in a transaction that whoever closes the connection undoes: what changes more
    than `most` rows is not committed."""
    connection.execute("BEGIN IMMEDIATE")
    cursor = connection.execute(query, _bound(params))
    columns = _gathered(cursor, gathering)
    for _row in cursor:  # what it returns is not wanted any more, what it does is
        pass
    (changed,) = connection.execute("SELECT changes()").fetchone()
    if changed > most:
        raise RefusedError(f"The statement would have changed {changed} rows; more than {most} are not allowed at once")
    connection.execute("COMMIT")
    return QueryResult(columns, tuple(gathering.rows), gathering.truncated, changed)


def _gathered(cursor: sqlite3.Cursor, gathering: Gathering) -> tuple[Column, ...]:
    """Take rows while there is room; return the columns, with the types of the values that were met."""
    names = [column[0] for column in cursor.description or ()]
    types: list[str | None] = [None] * len(names)
    for row in cursor:
        for index, value in enumerate(row):
            types[index] = types[index] or _TYPES.get(type(value))
        if not gathering.take(row):
            break
    return tuple(Column(name, kind or "null") for name, kind in zip(names, types, strict=True))


def _bound(params: Parameters) -> Any:
    values = list(params.values()) if isinstance(params, Mapping) else list(params)
    if any(isinstance(value, list | dict) for value in values):
        raise RefusedError("SQLite takes strings, numbers, booleans and null as parameters: give lists as JSON text")
    return params


def plan(query: str, params: Parameters, connection: sqlite3.Connection) -> list[str]:
    """Return the plan, one step a line, indented by depth."""
    depths: dict[int, int] = {0: -1}
    lines = []
    for step, parent, _unused, detail in connection.execute(f"EXPLAIN QUERY PLAN {query}", _bound(params)).fetchall():
        depths[step] = depths.get(parent, -1) + 1
        lines.append(f"{'  ' * depths[step]}{detail}")
    return lines


def table_names(most: int, connection: sqlite3.Connection) -> list[TableName]:
    """Return tables and views by name."""
    rows = connection.execute(f"{_TABLES} ORDER BY name LIMIT ?", (most,)).fetchall()
    return [TableName(name, "table" if kind == "virtual" else kind) for name, kind in rows]


def tables_called(name: str, connection: sqlite3.Connection) -> list[Table]:
    """Return the table or view of this name, if there is one."""
    found = connection.execute(f"{_TABLES} AND name = ? COLLATE NOCASE", (name,)).fetchone()
    return [_table(found[0], found[1], connection)] if found else []


def _table(name: str, kind: str, connection: sqlite3.Connection) -> Table:
    columns = tuple(
        TableColumn(column, declared or "any", not (required or key), bool(key), default)
        for column, declared, required, default, key in connection.execute(_COLUMNS, (name,)).fetchall()
    )
    keys = tuple(
        f"({own}) references {other}{f' ({theirs})' if theirs else ''}"
        for own, other, theirs in connection.execute(_FOREIGN_KEYS, (name,)).fetchall()
    )
    indexes = tuple(
        f"{index} {'unique ' if unique else ''}({own or 'an expression'})"
        for index, unique, own in connection.execute(_INDEXES, (name,)).fetchall()
    )
    return Table(TableName(name, "table" if kind == "virtual" else kind), columns, keys, indexes)
