"""What a statement gives back, as JSON can hold it and within bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from reference_impl.protocol.messages import encode_json
from reference_impl.servers.database.settings import DatabaseSettings

__all__ = ["Column", "Gathering", "QueryResult", "plain"]

_SAFE_INTEGER = 2**53 - 1
"""Beyond it, JavaScript rounds the integers of JSON (RFC 8259, 6)."""
_CUT = "… ({} more characters)"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result: its name, which need not be unique, and its type in the database's words."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Columns and rows. `truncated` says why the rest is missing, or is None; `changed` counts the rows that a
    statement changed."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: str | None = None
    changed: int | None = None

    def structured(self) -> dict[str, Any]:
        """Return it as the tools' structured content."""
        counted = {} if self.changed is None else {"changed_rows": self.changed}
        return {
            "columns": [{"name": column.name, "type": column.type} for column in self.columns],
            "rows": [list(row) for row in self.rows],
            "row_count": len(self.rows),
            "truncated": self.truncated is not None,
            **({} if self.truncated is None else {"truncated_because": self.truncated}),
            **counted,
        }


def plain(value: Any) -> Any:
    """Return a value of a database as JSON can hold it.

    Integers beyond 2^53 become strings, so do not-a-number and infinities, and whatever JSON has no type for; bytes
    become `\\x` and their hexadecimal digits, as PostgreSQL writes them.
    """
    match value:
        case None | bool():
            return value
        case int() | float() if abs(value) <= _SAFE_INTEGER or (isinstance(value, float) and math.isfinite(value)):
            return value
        case bytes() | bytearray() | memoryview():
            return "\\x" + bytes(value).hex()
        case list() | tuple():
            return [plain(item) for item in value]
    return str(value).encode("utf-8", "replace").decode()  # a lone surrogate has no place in UTF-8


class Gathering:
    """Takes rows until one of the bounds is met."""

    def __init__(self, settings: DatabaseSettings, limit: int) -> None:
        self._settings = settings
        self._limit = min(limit, settings.max_rows)
        self._bytes = 0
        self._cut = False
        self.rows: list[tuple[Any, ...]] = []
        self._full: str | None = None

    def take(self, row: Sequence[Any]) -> bool:
        """Keep a row if there is room; return whether to go on."""
        if len(self.rows) >= self._limit:
            self._full = f"there are more than {self._limit} rows"
            return False
        cells = tuple(self._shortened(plain(value)) for value in row)
        self._bytes += len(encode_json(cells))
        if self._bytes > self._settings.max_bytes:
            self._full = f"the rows are larger than {self._settings.max_bytes} bytes; select fewer or shorter columns"
            return False
        self.rows.append(cells)
        return True

    @property
    def room(self) -> int:
        """How many rows are still wanted: one beyond the limit, to know whether there are more."""
        return self._limit + 1 - len(self.rows)

    @property
    def truncated(self) -> str | None:
        """Why something is missing, or None."""
        long = f"values longer than {self._settings.max_value} characters were cut" if self._cut else None
        return "; ".join(reason for reason in (self._full, long) if reason) or None

    def _shortened(self, value: Any) -> Any:
        most = self._settings.max_value
        if isinstance(value, list):
            text = encode_json(value).decode()
            value = value if len(text) <= most else text
        if not isinstance(value, str) or len(value) <= most:
            return value
        self._cut = True
        return value[:most] + _CUT.format(len(value) - most)
