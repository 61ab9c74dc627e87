"""What PostgreSQL says of its tables: those that the role may read, in its own schemas' names.

A table in the search path goes by its name, another by its schema's and its own.
"""

from __future__ import annotations

from typing import Any

from reference_impl.servers.database.tables import Table, TableColumn, TableName

__all__ = ["table_names", "table_of"]

_TABLES = """
SELECT * FROM (
    SELECT c.oid, CASE WHEN pg_table_is_visible(c.oid) THEN quote_ident(c.relname)
                       ELSE quote_ident(n.nspname) || '.' || quote_ident(c.relname) END AS name,
           CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                          ELSE 'table' END AS kind,
           obj_description(c.oid, 'pg_class') AS comment
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND NOT c.relispartition AND has_schema_privilege(n.oid, 'USAGE')
      AND (has_table_privilege(c.oid, 'SELECT') OR has_any_column_privilege(c.oid, 'SELECT'))
) AS found
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid),
       EXISTS (SELECT FROM pg_index i WHERE i.indrelid = a.attrelid AND i.indisprimary AND a.attnum = ANY (i.indkey)),
       col_description(a.attrelid, a.attnum)
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_FOREIGN_KEYS = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = $1 AND contype = 'f' ORDER BY 1"
_INDEXES = "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = $1 ORDER BY 1"


async def table_names(connection: Any, most: int) -> list[TableName]:
    """Return tables, views and the like by name."""
    rows = await connection.fetch(f"{_TABLES} ORDER BY name LIMIT $1", most)
    return [TableName(row["name"], row["kind"], row["comment"]) for row in rows]


async def table_of(connection: Any, name: str) -> Table | None:
    """Return one of them."""
    found = await connection.fetchrow(f"{_TABLES} WHERE name = $1 OR name = quote_ident($1) LIMIT 1", name)
    if found is None:
        return None
    oid = found["oid"]
    columns = tuple(
        TableColumn(column, kind, nullable, primary, default, comment)
        for column, kind, nullable, default, primary, comment in await connection.fetch(_COLUMNS, oid)
    )
    keys = tuple(row[0] for row in await connection.fetch(_FOREIGN_KEYS, oid))
    indexes = tuple(row[0] for row in await connection.fetch(_INDEXES, oid))
    return Table(TableName(found["name"], found["kind"], found["comment"]), columns, keys, indexes)
