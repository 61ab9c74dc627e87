"""The ways to break a valid instance that every validator must notice.

Left out on purpose: `format` (an annotation unless somebody asserts it), `pattern` (engines differ), `uniqueItems`
(lists read into sets), `null` (many read it as absent), 1.0 for an integer, members with a default that are missing,
and values that lax validators convert: a string that reads as a number, a list of one item, 0 and 1 for booleans.
"""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from conformance.properties.json_schema_conjunction import Conjunction, fold, item_schema, member_schema
from conformance.properties.json_schema_document import Document
from conformance.properties.json_schema_model import Schema, Unsatisfiable

Path: TypeAlias = tuple[str | int, ...]

# References of a cycle that are followed: no instance drawn is nested deeper.
_DEPTH = 64
_WORD = "touchstone"
# Beyond these an implementation may fail for reasons other than the schema.
_LARGE = 2**31
_LONG = 1024
_MANY = 64

# Values of a wrong type, each with the types whose lax readers would take it.
_WRONG: tuple[tuple[Any, frozenset[str]], ...] = (
    (_WORD, frozenset({"string"})),
    (7, frozenset({"integer", "number", "boolean", "string"})),
    (0.5, frozenset({"number", "boolean", "string"})),
    ([_WORD, _WORD], frozenset({"array"})),
    ({_WORD: _WORD}, frozenset({"object"})),
)


@dataclass(frozen=True, slots=True)
class Break:
    """What to put in place of the value at `path` so that `keyword` is broken."""

    path: Path
    keyword: str
    description: str
    value: Any


@dataclass(frozen=True, slots=True)
class _Site:
    """A value within the instance, and what the schema says of it."""

    value: Any
    terms: Conjunction
    document: Document


def breaks(schema: Schema, value: Any, document: Document) -> Iterator[Break]:
    """Yield ways to break a value that is valid under a schema of the document; to be confirmed with `confirmed`."""
    try:
        terms = fold(schema, document, _DEPTH)
    except Unsatisfiable:
        return
    site = _Site(value, terms, document)
    yield from _wrong_types(site)
    yield from _flat_breaks(site)
    yield from _within(site)
    yield from _within_branches(site)


def put(instance: Any, path: Path, value: Any) -> Any:
    """Return the instance with the value at a path replaced; containers on the way are copied."""
    if not path:
        return value
    step, *rest = path
    copy = instance.copy()
    copy[step] = put(instance[step], tuple(rest), value) if rest else value
    return copy


def confirmed(document: Document, found: Break, broken: Any) -> bool:
    """Tell whether all judges reject the broken instance, and only for what was done to it."""
    places = document.complaints(broken)
    return (
        bool(places)
        and all(found.path[: len(place)] == place for place in places)
        and not any(judge(broken) for judge in document.judges())
    )


def _types(terms: Conjunction, document: Document) -> frozenset[str] | None:
    """Return the types that a conjunction allows, or None where it does not say."""
    allowed: frozenset[str] | None = frozenset(terms.flat["type"]) if "type" in terms.flat else None
    for choice in terms.choices:
        branches = choice.get("anyOf") or choice.get("oneOf")
        if branches is None:
            continue
        union: frozenset[str] = frozenset()
        for branch in branches:
            try:
                types = _types(fold(branch, document, terms.depth), document)
            except Unsatisfiable:
                types = frozenset()
            if types is None:
                break
            union |= types
        else:
            allowed = union if allowed is None else allowed & union
    return allowed


def _wrong_types(site: _Site) -> Iterator[Break]:
    allowed = _types(site.terms, site.document)
    if not allowed:
        return
    names = " or ".join(sorted(allowed))
    for value, takers in _WRONG:
        if not takers & allowed:
            yield Break((), "type", f"{_name(value)} instead of {names}", value)


def _name(value: Any) -> str:
    names = {str: "a string", int: "an integer", float: "a fraction", list: "an array", dict: "an object"}
    return names[type(value)]


def _flat_breaks(site: _Site) -> Iterator[Break]:
    if "enum" in site.terms.flat:
        yield from _not_listed(site)
        return
    match site.value:
        case bool() | None:
            return
        case int() | float():
            yield from _out_of_bounds(site)
        case str():
            yield from _wrong_length(site)
        case list():
            yield from _wrong_count(site)
        case dict():
            yield from _wrong_members(site)


def _not_listed(site: _Site) -> Iterator[Break]:
    listed = site.terms.flat["enum"]
    if any(isinstance(value, str) for value in listed):
        if _WORD not in {value.casefold() for value in listed if isinstance(value, str)}:
            yield Break((), "enum", f"{_WORD!r} is none of the listed values", _WORD)
    elif numbers := [value for value in listed if type(value) is int and abs(value) < _LARGE]:
        other = max(numbers) + 1
        yield Break((), "enum", f"{other} is none of the listed values", other)


def _out_of_bounds(site: _Site) -> Iterator[Break]:
    flat = site.terms.flat
    step = flat.get("multipleOf")
    if isinstance(step, int) and step > 1 and isinstance(site.value, int):
        yield Break((), "multipleOf", f"{site.value + 1} is no multiple of {step}", site.value + 1)
    if step is not None:
        return
    for keyword, (bound_of, words) in _BOUNDS.items():
        if keyword in flat and abs(flat[keyword]) <= _LARGE:
            other = bound_of(flat[keyword])
            yield Break((), keyword, f"{other} is {words} {flat[keyword]}", other)


_BOUNDS: dict[str, tuple[Callable[[float], int], str]] = {
    "minimum": (lambda bound: math.floor(bound) - 1, "below"),
    "maximum": (lambda bound: math.ceil(bound) + 1, "above"),
    "exclusiveMinimum": (math.floor, "not above"),
    "exclusiveMaximum": (math.ceil, "not below"),
}


def _wrong_length(site: _Site) -> Iterator[Break]:
    flat = site.terms.flat
    if flat.keys() & {"pattern", "format", "contentEncoding"}:
        return  # two rules would break at once
    if 0 < (shortest := flat.get("minLength", 0)) <= _LONG:
        yield Break((), "minLength", f"{shortest - 1} of at least {shortest} characters", "a" * (shortest - 1))
    longest = flat.get("maxLength", _LARGE)
    if longest <= _LONG:
        yield Break((), "maxLength", f"{longest + 1} of at most {longest} characters", "a" * (longest + 1))


def _wrong_count(site: _Site) -> Iterator[Break]:
    flat, items = site.terms.flat, site.value
    least, most = flat.get("minItems", 0), flat.get("maxItems", _LARGE)
    if 0 < least <= len(items):
        yield Break((), "minItems", f"{least - 1} of at least {least} items", items[: least - 1])
    if items and most <= _MANY and not flat.get("uniqueItems"):
        more = items + [items[-1]] * (most + 1 - len(items))
        yield Break((), "maxItems", f"{most + 1} of at most {most} items", more)


def _wrong_members(site: _Site) -> Iterator[Break]:
    flat, members = site.terms.flat, site.value
    for name in flat.get("required", ()):
        if name in members and not _has_default(site, name):
            yield Break((), "required", f"{name!r} is missing", _less(members, name))
    for name, others in flat.get("dependentRequired", {}).items():
        for other in others:
            if name in members and other in members and other not in flat.get("required", ()):
                description = f"{other!r} is missing beside {name!r}"
                yield Break((), "dependentRequired", description, _less(members, other))
    for keyword in ("additionalProperties", "unevaluatedProperties"):
        known = _WORD in flat.get("properties", ()) or any(
            re.search(pattern, _WORD) for pattern in flat.get("patternProperties", ())
        )
        if flat.get(keyword) is False and not known:
            yield Break((), keyword, f"{_WORD!r} is not allowed", {**members, _WORD: _WORD})
    for name in flat.get("properties", {}):
        if name not in members:
            yield from _added(site, name)


def _less(members: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: member for key, member in members.items() if key != name}


def _has_default(site: _Site, name: str) -> bool:
    try:
        return "default" in fold(member_schema(site.terms.flat, name), site.document, _DEPTH).flat
    except Unsatisfiable:
        return True


def _added(site: _Site, name: str) -> Iterator[Break]:
    """Yield an optional member that is absent, with a value of a wrong type."""
    try:
        terms = fold(member_schema(site.terms.flat, name), site.document, site.terms.depth)
    except Unsatisfiable:
        return
    for found in _wrong_types(_Site(None, terms, site.document)):
        yield replace(found, path=(name,))


def _within(site: _Site) -> Iterator[Break]:
    flat, value = site.terms.flat, site.value
    parts: Iterator[tuple[str | int, Any, Schema]] = iter(())
    if isinstance(value, dict):
        parts = ((name, member, member_schema(flat, name)) for name, member in value.items())
    elif isinstance(value, list):
        parts = ((index, item, item_schema(flat, index)) for index, item in enumerate(value))
    for step, part, schema in parts:
        for found in breaks(schema, part, site.document):
            yield replace(found, path=(step, *found.path))


def _within_branches(site: _Site) -> Iterator[Break]:
    """Yield the breaks of a branch where the value satisfies just one, none of a number that may pass as a string."""
    for choice in site.terms.choices:
        branches = choice.get("anyOf") or choice.get("oneOf") or []
        satisfied = [branch for branch in branches if site.document.judge(branch)(site.value)]
        if len(satisfied) != 1:
            continue
        converted = isinstance(site.value, int | float) and "string" in (_types(site.terms, site.document) or ())
        for found in breaks(satisfied[0], site.value, site.document):
            if found.path or (found.keyword != "type" and not converted):
                yield found
