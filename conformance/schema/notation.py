"""The notation of the message types: type expressions in, JSON Schema 2020-12 out.

A type is a TOML table. Its keys are the members' names and its values are rows, one string or a list of strings:

    row      = union ["?"] ["since" DATE] ["until" DATE]
    union    = array {"|" array}
    array    = term {"[" [".." COUNT] "]"}                       at most COUNT elements
    term     = string | integer | number | boolean | null        JSON's types, integer as JSON Schema has it
             | string(FORMAT) | number(LOW..HIGH)                either bound may be left out
             | object | any | never                              never: the member must not be there
             | NAME                                              another type of the same revision
             | "text" | 42                                       exactly this value
             | "{" [NAME ":" row {"," NAME ":" row}] "}"         an object; the name * stands for all other members
             | "(" union ")"

`?` marks a member that may be left out. A window `[since, until)` says in which revisions a row is there; several
rows of one member must not overlap. Objects are open: members that no row names may be anything.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]
"""A JSON Schema in object form."""

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<date>\d{4}-\d{2}-\d{2})
      | (?P<number>-?\d+)
      | (?P<string>"[^"]*")
      | (?P<name>[A-Za-z_$][\w$-]*)
      | (?P<mark>\.\.|[|?\[\](){}:,*])
    )""",
    re.VERBOSE,
)

_PRIMITIVES = frozenset({"string", "integer", "number", "boolean", "null", "object"})
_BOUNDED = frozenset({"integer", "number"})
# Not true and false: the validator loses the place of what `false` refuses.
_EXTREMES: dict[str, Schema] = {"any": {}, "never": {"not": {}}}


class NotationError(ValueError):
    """The source of the message types says something that the notation does not know: a fault of Touchstone."""


@dataclass(frozen=True, slots=True)
class Row:
    """One member of an object, or one type, as one revision has it."""

    schema: Schema
    optional: bool


def reference(name: str) -> Schema:
    """The JSON Schema that stands for the named definition."""
    return {"$ref": f"#/$defs/{name}"}


def in_window(window: Mapping[str, str], revision: str) -> bool:
    """Whether a revision lies in the half-open window that the keys `since` and `until` tell; either may be absent."""
    return window.get("since", "") <= revision and ("until" not in window or revision < window["until"])


def object_schema(members: Mapping[str, Row]) -> Schema:
    """The schema of an open object with these members; the member `*` is the type of all that are not named."""
    schema: Schema = {"type": "object"}
    named = {name: row.schema for name, row in members.items() if name != "*"}
    if named:
        schema["properties"] = named
    required = sorted(name for name, row in members.items() if name != "*" and not row.optional)
    if required:
        schema["required"] = required
    if "*" in members:
        schema["additionalProperties"] = members["*"].schema
    return schema


def union_schema(alternatives: list[Schema]) -> Schema:
    """The schema of either of several types: an enumeration of constants, a list of plain types, or `anyOf`."""
    if len(alternatives) == 1:
        return alternatives[0]
    for keyword, gathered in (("const", "enum"), ("type", "type")):
        if all(schema.keys() == {keyword} for schema in alternatives):
            return {gathered: [schema[keyword] for schema in alternatives]}
    return {"anyOf": alternatives}


def read_row(text: str, revision: str) -> Row | None:
    """The row as this revision has it, or None outside its window. Raises NotationError."""
    return _Reader(text, revision).whole()


def read_rows(texts: str | list[str], revision: str) -> list[Row]:
    """Those of the rows that this revision has. Raises NotationError."""
    rows = (read_row(text, revision) for text in ([texts] if isinstance(texts, str) else texts))
    return [row for row in rows if row is not None]


@dataclass(slots=True)
class _Reader:
    """A recursive descent over the tokens of one row; it lives for one call of `read_row`."""

    text: str
    revision: str
    tokens: list[tuple[str, str]] = field(init=False)
    position: int = 0

    def __post_init__(self) -> None:
        self.tokens = []
        end, stripped = 0, self.text.rstrip()
        while end < len(stripped):
            match = _TOKEN.match(stripped, end)
            if match is None or match.lastgroup is None:
                raise NotationError(f"cannot read {stripped[end:]!r} in {self.text!r}")
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            end = match.end()

    def whole(self) -> Row | None:
        row = self.row()
        if self.position != len(self.tokens):
            raise self.surprise()
        return row

    def row(self) -> Row | None:
        schema = self.union()
        optional = self.accept("?")
        window = {bound: self.take("date") for bound in ("since", "until") if self.accept(bound)}
        return Row(schema, optional) if in_window(window, self.revision) else None

    def union(self) -> Schema:
        alternatives = [self.array()]
        while self.accept("|"):
            alternatives.append(self.array())
        return union_schema(alternatives)

    def array(self) -> Schema:
        schema = self.term()
        while self.accept("["):
            array: Schema = {"type": "array", "items": schema}
            if self.accept(".."):
                array["maxItems"] = int(self.take("number"))
            self.expect("]")
            schema = array
        return schema

    def term(self) -> Schema:
        kind, text = self.peek()
        self.position += 1
        match kind, text:
            case "string" | "number", _:
                return {"const": json.loads(text)}
            case _, "(":
                inner = self.union()
                self.expect(")")
                return inner
            case _, "{":
                return self.braces()
            case "name", name:
                return self.named(name)
        self.position -= 1
        raise self.surprise()

    def named(self, name: str) -> Schema:
        if name in _PRIMITIVES:
            return {"type": name} | self.restriction(name)
        return dict(_EXTREMES[name]) if name in _EXTREMES else reference(name)

    def restriction(self, primitive: str) -> Schema:
        if not self.accept("("):
            return {}
        found: Schema = {}
        if primitive in _BOUNDED:
            if self.peek()[0] == "number":
                found["minimum"] = int(self.take("number"))
            self.expect("..")
            if self.peek()[0] == "number":
                found["maximum"] = int(self.take("number"))
        else:
            found["format"] = self.take("name")
        self.expect(")")
        return found

    def braces(self) -> Schema:
        members: dict[str, Row] = {}
        while not self.accept("}"):
            kind, name = self.peek()
            self.position += 1
            self.expect(":")
            row = self.row()
            if row is not None:
                members[json.loads(name) if kind == "string" else name] = row
            if self.peek()[1] != "}":
                self.expect(",")
        return object_schema(members)

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.position] if self.position < len(self.tokens) else ("end", "")

    def accept(self, text: str) -> bool:
        found = self.peek()[1] == text
        self.position += found
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.surprise()

    def take(self, kind: str) -> str:
        if self.peek()[0] != kind:
            raise self.surprise()
        self.position += 1
        return self.tokens[self.position - 1][1]

    def surprise(self) -> NotationError:
        return NotationError(f"did not expect {self.peek()[1] or 'the end'!r} in {self.text!r}")
