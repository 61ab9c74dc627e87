"""The simplest arguments that a schema allows, chosen without chance: what a check calls a stranger's tool with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

__all__ = ["simplest"]

_DEPTH = 8
_WORDS = ("a", "hello", "2026-01-01", "2026-01-01T00:00:00Z", "12:00:00Z", "https://example.com/", "a@example.com")
"""Strings to try where a pattern or a format wants more than a letter."""


def simplest(schema: Any) -> Any:
    """Return a small instance of `schema`, or None if none was found cheaply.

    Examples, defaults and enumerations of the schema's author come first. The result has been validated.
    """
    candidate = _build(schema, schema, _DEPTH)
    return candidate if _valid(schema, candidate) else None


def _valid(schema: Any, value: Any) -> bool:
    try:
        return bool(Draft202012Validator(schema, registry=Registry()).is_valid(value))
    except (SchemaError, Unresolvable, TypeError, ValueError, RecursionError):
        return False


def _build(schema: Any, root: Any, depth: int) -> Any:
    if not isinstance(schema, dict) or depth == 0:
        return None
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    for keyword in ("examples", "enum"):
        if isinstance(schema.get(keyword), list) and schema[keyword]:
            return schema[keyword][0]
    if "$ref" in schema:
        return _build(_resolve(schema["$ref"], root), root, depth - 1)
    for keyword in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(keyword), list) and schema[keyword] and "type" not in schema:
            return _build(schema[keyword][0], root, depth - 1)
    kind = schema.get("type", "object" if "properties" in schema else None)
    maker = _MAKERS.get(str(kind[0] if isinstance(kind, list) and kind else kind))
    return None if maker is None else maker(schema, root, depth)


def _resolve(reference: Any, root: Any) -> Any:
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return root if reference == "#" else None
    node = root
    for step in reference[2:].split("/"):
        node = node.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
    return node


def _object(schema: dict[str, Any], root: Any, depth: int) -> Any:
    properties = schema.get("properties")
    members = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    names = required if isinstance(required, list) else []
    return {name: _build(members.get(name, {"type": "string"}), root, depth - 1) for name in names}


def _array(schema: dict[str, Any], root: Any, depth: int) -> Any:
    return [_build(schema.get("items", {"type": "string"}), root, depth - 1) for _ in range(schema.get("minItems", 0))]


def _string(schema: dict[str, Any], _root: Any, _depth: int) -> Any:
    shortest = schema.get("minLength", 0)
    words = [*_WORDS, "a" * shortest] if isinstance(shortest, int) else list(_WORDS)
    return next((word for word in words if _valid(schema, word) and _fits(schema, word)), None)


def _fits(schema: dict[str, Any], word: str) -> bool:
    wanted = _FORMATS.get(schema.get("format", ""))
    return wanted is None or word == wanted


_FORMATS = {
    "date": _WORDS[2],
    "date-time": _WORDS[3],
    "time": _WORDS[4],
    "uri": _WORDS[5],
    "email": _WORDS[6],
}


def _number(schema: dict[str, Any], _root: Any, _depth: int) -> Any:
    bounds = [schema.get("minimum"), schema.get("exclusiveMinimum"), schema.get("maximum"), 1, 0]
    tries = [bound + step for bound in bounds if isinstance(bound, int | float) for step in (0, 1)]
    return next((value for value in tries if _valid(schema, value)), None)


def _false(_schema: dict[str, Any], _root: Any, _depth: int) -> Any:
    return False


_MAKERS: dict[str, Callable[[dict[str, Any], Any, int], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _number,
    "number": _number,
    "boolean": _false,
}
