"""In which ways one JSON Schema takes less than another: what breaks who sends by the one, or reads by the other.

No schema is proved to lie within another here; the keywords that schemas of tools are made of are compared one by one.
What other keywords come to (`not`, `if`, patterns against patterns) is not told, and only said to have changed.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeGuard

__all__ = ["Narrowing", "narrowings"]

Kind = Literal["required", "removed", "type", "value", "bound", "closed", "other"]

_TYPES = frozenset({"null", "boolean", "object", "array", "number", "string", "integer"})
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_COUNTS = ("minLength", "minItems", "minProperties")
"""Lower bounds that are 0 where nobody gives them."""
_EQUAL = ("pattern", "format", "multipleOf", "uniqueItems", "contains", "propertyNames", "prefixItems")
_OPAQUE = ("not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties", "allOf")
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One way in which the second schema takes less: where in it, of what kind, the keyword, and both values of it.

    Of kind `other` it is not known whether it takes less.
    """

    path: str
    kind: Kind
    keyword: str
    wide: Any = None
    narrow: Any = None


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two schemas at one place, and the documents that references in them point into."""

    wide: dict[str, Any]
    narrow: dict[str, Any]
    documents: tuple[Any, Any]
    path: str = ""
    depth: int = 0

    def within(self, wide: Any, narrow: Any, path: str) -> "_Pair":
        return _Pair(
            _schema(wide, self.documents[0]), _schema(narrow, self.documents[1]), self.documents, path, self.depth + 1
        )


def narrowings(wide: Any, narrow: Any) -> Iterator[Narrowing]:
    """Yield in which ways `narrow` takes less than `wide`. Schemas may be anything that stood where one should."""
    yield from _compare(_Pair(_schema(wide, wide), _schema(narrow, narrow), (wide, narrow)))


def _schema(value: Any, document: Any) -> dict[str, Any]:
    """Return a schema as an object, references into its own document followed."""
    for _ in range(_DEEPEST):
        if value is False:
            return {"enum": []}
        if not isinstance(value, dict):
            return {}
        pointer = value.get("$ref")
        if not (isinstance(pointer, str) and pointer.startswith("#/")):
            return value
        found = document
        for word in pointer[2:].split("/"):
            found = found.get(word.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        value = found
    return {}


def _compare(pair: _Pair) -> Iterator[Narrowing]:
    if pair.depth > _DEEPEST or (pair.wide == pair.narrow and pair.documents[0] == pair.documents[1]):
        return
    for found in (*_types(pair), *_values(pair), *_bounds(pair), *_others(pair)):
        yield replace(found, path=pair.path)
    yield from _members(pair)
    if "items" in pair.wide or "items" in pair.narrow:
        items = (pair.wide.get("items", True), pair.narrow.get("items", True))
        yield from _compare(pair.within(*items, f"{pair.path}[]"))


def _types(pair: _Pair) -> Iterator[Narrowing]:
    wide, narrow = _types_of(pair.wide, pair.documents[0]), _types_of(pair.narrow, pair.documents[1])
    if not _spread(wide) <= _spread(narrow):
        yield Narrowing("", "type", "type", _named(wide), _named(narrow))


def _types_of(schema: dict[str, Any], document: Any) -> frozenset[str]:
    given = schema.get("type")
    if isinstance(given, str):
        return frozenset({given})
    if isinstance(given, list):
        return frozenset(each for each in given if isinstance(each, str))
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list):
            return frozenset().union(*(_types_of(_schema(each, document), document) for each in schema[word]))
    return _TYPES


def _spread(types: frozenset[str]) -> frozenset[str]:
    """Return the types with the one that lies within another."""
    return types | {"integer"} if "number" in types else types


def _named(types: frozenset[str]) -> str:
    return "anything" if types == _TYPES else " or ".join(sorted(types)) or "nothing"


def _values(pair: _Pair) -> Iterator[Narrowing]:
    wide, narrow = _listed(pair.wide), _listed(pair.narrow)
    if narrow is None:
        return
    if wide is None:
        yield Narrowing("", "value", "enum", None, narrow)
    elif gone := [each for each in wide if each not in narrow]:
        yield Narrowing("", "value", "enum", gone, narrow)


def _listed(schema: dict[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema["enum"] if isinstance(schema.get("enum"), list) else None


def _bounds(pair: _Pair) -> Iterator[Narrowing]:
    for words, tighter in ((_LOWER, 1), (_UPPER, -1)):
        for word in words:
            wide, narrow = pair.wide.get(word), pair.narrow.get(word)
            bound = wide if _is_number(wide) else 0 if word in _COUNTS else -tighter * math.inf
            if _is_number(narrow) and tighter * narrow > tighter * bound:
                yield Narrowing("", "bound", word, pair.wide.get(word), narrow)
    for word in _EQUAL:
        if word in pair.narrow and pair.narrow[word] != pair.wide.get(word) and pair.narrow[word] is not False:
            yield Narrowing("", "bound", word, pair.wide.get(word), pair.narrow[word])


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _others(pair: _Pair) -> Iterator[Narrowing]:
    if pair.narrow.get("additionalProperties") is False and pair.wide.get("additionalProperties") is not False:
        yield Narrowing("", "closed", "additionalProperties")
    for word in (*_OPAQUE, "anyOf", "oneOf"):
        wide, narrow = pair.wide.get(word), pair.narrow.get(word)
        if wide != narrow and not (word not in _OPAQUE and _only_types(wide) and _only_types(narrow)):
            yield Narrowing("", "other", word)


# `Any`: what stands where alternatives should.
def _only_types(alternatives: Any) -> bool:
    """Whether alternatives say no more than types, which were compared already."""
    listed = alternatives if isinstance(alternatives, list) else []
    return all(isinstance(each, dict) and each.keys() <= {"type", "title", "description"} for each in listed)


def _members(pair: _Pair) -> Iterator[Narrowing]:
    wide, narrow = _properties(pair.wide), _properties(pair.narrow)
    before = _required(pair.wide)
    for name in sorted(_required(pair.narrow) - before):
        yield Narrowing(_below(pair.path, name), "required", "required")
    for name in wide:
        if name not in narrow:
            yield Narrowing(_below(pair.path, name), "removed", "properties")
        else:
            yield from _compare(pair.within(wide[name], narrow[name], _below(pair.path, name)))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def _required(schema: dict[str, Any]) -> frozenset[str]:
    found = schema.get("required")
    return frozenset(each for each in found if isinstance(each, str)) if isinstance(found, list) else frozenset()
