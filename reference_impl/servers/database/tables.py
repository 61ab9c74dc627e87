"""What a database says of its tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Table", "TableColumn", "TableName"]


@dataclass(frozen=True, slots=True)
class TableName:
    """A table, view or the like, by the name that statements use."""

    name: str
    kind: str
    comment: str | None = None

    def structured(self) -> dict[str, Any]:
        """Return it as structured content."""
        return {"name": self.name, "kind": self.kind, **({"comment": self.comment} if self.comment else {})}


@dataclass(frozen=True, slots=True)
class TableColumn:
    """One column; `default` is an expression of SQL."""

    name: str
    type: str
    nullable: bool = True
    primary_key: bool = False
    default: str | None = None
    comment: str | None = None

    def structured(self) -> dict[str, Any]:
        """Return it as structured content."""
        more = {"default": self.default, "comment": self.comment}
        return {
            "name": self.name,
            "type": self.type,
            "nullable": self.nullable,
            "primary_key": self.primary_key,
            **{key: value for key, value in more.items() if value is not None},
        }


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its columns; foreign keys and indexes are told in words of SQL."""

    name: TableName
    columns: tuple[TableColumn, ...]
    foreign_keys: tuple[str, ...] = field(default=())
    indexes: tuple[str, ...] = field(default=())

    def structured(self) -> dict[str, Any]:
        """Return it as structured content."""
        return self.name.structured() | {
            "columns": [column.structured() for column in self.columns],
            "foreign_keys": list(self.foreign_keys),
            "indexes": list(self.indexes),
        }
