"""Results and schemas as text that people and models read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from reference_impl.protocol.messages import encode_json
from reference_impl.servers.database.results import QueryResult
from reference_impl.servers.database.tables import Table, TableName

__all__ = ["format_query_result", "format_schema_result", "format_table_list"]

_WIDEST = 200
_UNPRINTED = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0", "|": "\\|"})


def format_query_result(result: QueryResult) -> str:
    """Return a table of the rows, and below it how many there are and why some are missing.

    NULL is told apart from an empty string; line breaks are escaped, long values shortened: all of a value stands in
    the structured content.
    """
    lines = []
    if result.columns:
        lines = _grid(
            [column.name for column in result.columns], [[_cell(value) for value in row] for row in result.rows]
        )
        lines += ["", f"{len(result.rows)} row{'' if len(result.rows) == 1 else 's'}"]
    if result.changed is not None:
        lines.append(f"{result.changed} row{'' if result.changed == 1 else 's'} changed")
    if result.truncated is not None:
        lines.append(f"Not all is shown: {result.truncated}.")
    return "\n".join(lines)


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[_short(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(head))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _short(cell: str) -> str:
    cell = cell.translate(_UNPRINTED)
    return cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…"


def _cell(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case list():
            return encode_json(value).decode()
    return str(value)


def format_table_list(tables: Iterable[TableName], *, truncated: bool) -> str:
    """Return one line for each table."""
    lines = [f"{table.name} ({table.kind}){f': {table.comment}' if table.comment else ''}" for table in tables]
    if truncated:
        lines.append("... and more, which the database's own catalogue can list")
    return "\n".join(lines) or "There are no tables that can be read."


def format_schema_result(table: Table) -> str:
    """Return what a table is made of."""
    comment = f": {table.name.comment}" if table.name.comment else ""
    rows = [
        [
            column.name,
            column.type,
            _rules(column.nullable, column.primary_key),
            column.default or "",
            column.comment or "",
        ]
        for column in table.columns
    ]
    lines = [
        f"{table.name.kind} {table.name.name}{comment}",
        *_grid(["column", "type", "", "default", "comment"], rows),
    ]
    for title, items in (("Foreign keys", table.foreign_keys), ("Indexes", table.indexes)):
        if items:
            lines += [f"{title}:", *(f"  {item}" for item in items)]
    return "\n".join(lines)


def _rules(nullable: bool, primary_key: bool) -> str:
    return "primary key" if primary_key else "" if nullable else "not null"
