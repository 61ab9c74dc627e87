"""From the message types as data to one JSON Schema document for each revision.

Beside its members (`conformance.schema.notation`) the table of a type may hold these keys, which no message has:

- `since`, `until`: the revisions that have the type at all;
- `is`: one row, for a type that is no object of members;
- `any`: rows, of which a value has to match one, on top of the members where there are some;
- `like`: types (or lower-case groups) whose members this one has too; its own rows replace theirs;
- `some`: optional members of which at least one has to be there;
- `answer`: on a request, the types of its result.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from conformance.schema.notation import (
    NotationError,
    Row,
    Schema,
    in_window,
    object_schema,
    read_row,
    read_rows,
    union_schema,
)

REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
"""The revisions that the tables in `pages/` have been written for, oldest first."""

_DIRECTIVES = frozenset({"since", "until", "is", "any", "like", "some", "answer"})

Table = Mapping[str, Any]
Tables = Mapping[str, Table]


@cache
def tables() -> Tables:
    """Every type of every revision, as the files in `pages/` have it. Raises NotationError on a name given twice."""
    found: dict[str, Table] = {}
    for file in sorted(resources.files("conformance.schema.pages").iterdir(), key=lambda path: path.name):
        if file.name.endswith(".toml"):
            page = tomllib.loads(file.read_text(encoding="utf-8"))
            if twice := found.keys() & page.keys():
                raise NotationError(f"{file.name} defines again: {', '.join(sorted(twice))}")
            found |= page
    return found


def compiled(revision: str, source: Tables) -> Schema:
    """The JSON Schema 2020-12 document of one revision. Raises NotationError where the source contradicts itself."""
    names = [name for name, table in source.items() if name[0].isupper() and in_window(table, revision)]
    definitions = {name: _definition(source, name, revision) for name in sorted(names)}
    _check_references(definitions, revision)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": definitions}


def answers(revision: str, source: Tables) -> dict[str, tuple[str, ...]]:
    """The types that may answer each request of a revision, by the name of the request's type."""
    found: dict[str, tuple[str, ...]] = {}
    for name, table in source.items():
        if "answer" in table and in_window(table, revision):
            found[name] = tuple(_target(row) for row in read_rows(table["answer"], revision))
    return found


def _definition(source: Tables, name: str, revision: str) -> Schema:
    table = source[name]
    if "is" in table:
        row = read_row(table["is"], revision)
        if row is None:
            raise NotationError(f"{name} is nothing at {revision}")
        return row.schema
    members = _members(source, name, revision)
    alternatives = [row.schema for row in read_rows(table.get("any", []), revision)]
    if alternatives and not members:
        return union_schema(alternatives)
    schema = object_schema(members)
    if alternatives:
        schema["anyOf"] = alternatives
    if "some" in table:
        schema["anyOf"] = [{"required": [member]} for member in table["some"]]
    return schema


def _members(source: Tables, name: str, revision: str) -> dict[str, Row]:
    """The members of a type in a revision: first those of the types it is like, then its own."""
    table = source.get(name)
    if table is None or not in_window(table, revision):
        raise NotationError(f"{name} is not there to be like at {revision}")
    found: dict[str, Row] = {}
    for row in read_rows(table.get("like", []), revision):
        found |= _members(source, _target(row), revision)
    for member, texts in table.items():
        if member in _DIRECTIVES:
            continue
        rows = read_rows(texts, revision)
        if len(rows) > 1:
            raise NotationError(f"{name}.{member} has {len(rows)} rows at {revision}")
        if rows:
            found[member] = rows[0]
    return found


def _target(row: Row) -> str:
    """The name of the type that a row is nothing but."""
    return str(row.schema["$ref"]).rpartition("/")[2]


def _check_references(definitions: Mapping[str, Schema], revision: str) -> None:
    for name, schema in definitions.items():
        for target in references(schema):
            if target not in definitions:
                raise NotationError(f"{name} names {target}, which {revision} does not have")


def references(schema: object) -> list[str]:
    """The names of the definitions that a schema refers to, at any depth."""
    match schema:
        case {"$ref": str(target)}:
            return [target.rpartition("/")[2]]
        case dict():
            return [name for part in schema.values() for name in references(part)]
        case list():
            return [name for part in schema for name in references(part)]
    return []


def expanded(definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """The definitions with every reference replaced by what it names: the validator then looks nothing up.

    No message type contains itself, so this ends; each expanded definition is one object, shared by all that name it.
    """
    done: dict[str, Schema] = {}

    def definition(name: str) -> Schema:
        if name not in done:
            done[name] = expand(definitions[name])
        return done[name]

    def expand(part: Any) -> Any:
        match part:
            case {"$ref": str(target)}:
                return definition(target.rpartition("/")[2])
            case dict():
                return {key: expand(value) for key, value in part.items()}
            case list():
                return [expand(value) for value in part]
        return part

    return {name: definition(name) for name in definitions}
