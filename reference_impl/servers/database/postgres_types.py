"""Values of PostgreSQL as the text that it writes and reads itself.

Infinite dates, the months of an interval and all digits of a numeric survive so, which they would not as values of
Python. asyncpg cannot take apart what has members that come as text: the server turns such values into text whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reference_impl.protocol.messages import encode_json

__all__ = ["ResultColumn", "as_text", "columns_of", "speak_text"]

_TEXT_TYPES = (
    *("bytea", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "numeric", "money", "uuid", "inet"),
    *("cidr", "macaddr", "bit", "varbit", "point", "box", "path", "polygon", "circle", "line", "lseg", "tid", "pg_lsn"),
)
_SIMPLE_KINDS = ("scalar", "enum")


async def speak_text(connection: Any) -> None:
    """Have a connection of asyncpg send and take these types as text, and JSON too, which may be given as values."""
    for name in _TEXT_TYPES:
        await connection.set_type_codec(name, schema="pg_catalog", encoder=str, decoder=str, format="text")
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, schema="pg_catalog", encoder=_json, decoder=str, format="text")


def _json(value: Any) -> str:
    return value if isinstance(value, str) else encode_json(value).decode()


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a result, and whether the server has to turn its values into text."""

    name: str
    type: str
    needs_text: bool


async def columns_of(connection: Any, statement: str) -> list[ResultColumn]:
    """Return the columns of what `statement` returns, which is not run."""
    import asyncpg

    try:
        return _columns(await connection.prepare(statement))
    except asyncpg.UnsupportedClientFeatureError:
        return await _columns_without_text(connection, statement)


def _columns(prepared: Any) -> list[ResultColumn]:
    return [ResultColumn(found.name, found.type.name, _has_members(found.type)) for found in prepared.get_attributes()]


async def _columns_without_text(connection: Any, statement: str) -> list[ResultColumn]:
    """Learn the types with all of them as asyncpg has them; what fails in between leaves a connection behind that
    cannot be used."""
    try:
        for name in (*_TEXT_TYPES, "json", "jsonb"):
            await connection.reset_type_codec(name, schema="pg_catalog")
        columns = _columns(await connection.prepare(statement))
        await speak_text(connection)
    except BaseException:
        connection.terminate()
        raise
    return columns


def _has_members(kind: Any) -> bool:
    if kind.kind == "array":
        return kind.schema != "pg_catalog" or kind.name == "record[]" or "range" in kind.name
    return kind.kind not in _SIMPLE_KINDS or kind.name in ("record", "char")


def as_text(query: str, columns: Sequence[ResultColumn]) -> str:
    """Return a query around `query`, with those of its columns as text that need it."""
    names = [f"c{number}" for number in range(len(columns))]
    shown = [f"{name}::text" if column.needs_text else name for name, column in zip(names, columns, strict=True)]
    inner = query.rstrip().rstrip(";")
    return f"SELECT {', '.join(shown)} FROM (\n{inner}\n) AS shown ({', '.join(names)})"  # noqa: S608 - names of ours
