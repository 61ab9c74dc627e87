"""The simplest arguments that a schema allows, chosen without chance: what a check calls a stranger's tool with."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["simplest"]

_DEPTH = 8
_LONGEST = 2000
_WORDS = ("a", "hello", "2026-01-01", "2026-01-01T00:00:00Z", "12:00:00Z", "https://example.com/", "a@example.com")
"""Strings to try where a pattern or a format wants more than a letter."""


def simplest(schema: Any) -> Any:
    """Return a small instance of `schema`, or None if none was found cheaply.

    Examples, defaults and enumerations of the schema's author come first. The result has been validated.
    """
    candidate = _build(schema, _Root(schema), _DEPTH)
    return candidate if _valid(schema, candidate) else None


def _valid(schema: Any, value: Any) -> bool:
    # Not before a value is held against a schema: who only reads the settings needs no validator.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError, UnknownType
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    try:
        return bool(Draft202012Validator(schema, registry=Registry()).is_valid(value))
    except (*_WRONG_SCHEMAS, SchemaError, UnknownType, Unresolvable):
        return False


_WRONG_SCHEMAS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, re.error)
"""What the validator raises, beside errors of its own, on a stranger's schema that is none. Whether it is one, a check
of its own says."""


@dataclass(slots=True)
class _Root:
    """The whole schema, for its references, and how many values may still be built: some schemas ask for millions."""

    schema: Any
    left: int = _LONGEST


def _build(schema: Any, root: _Root, depth: int) -> Any:
    root.left -= 1
    if not isinstance(schema, dict) or depth == 0 or root.left < 0:
        return None
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    for keyword in ("examples", "enum"):
        if isinstance(schema.get(keyword), list) and schema[keyword]:
            return schema[keyword][0]
    if "$ref" in schema:
        return _build(_resolve(schema["$ref"], root.schema), root, depth - 1)
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


def _object(schema: dict[str, Any], root: _Root, depth: int) -> Any:
    properties = schema.get("properties")
    members = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return {name: _build(members.get(name, {"type": "string"}), root, depth - 1) for name in names}


def _array(schema: dict[str, Any], root: _Root, depth: int) -> Any:
    least = _least(schema, "minItems")
    return [_build(schema.get("items", {"type": "string"}), root, depth - 1) for _ in range(least)]


def _string(schema: dict[str, Any], _root: _Root, _depth: int) -> Any:
    words = [*_WORDS, "a" * _least(schema, "minLength")]
    return next((word for word in words if _valid(schema, word) and _fits(schema, word)), None)


def _least(schema: dict[str, Any], keyword: str) -> int:
    """Return how long something has to be at least; what asks for more than `_LONGEST` gets no sample."""
    least = schema.get(keyword)
    return int(min(least, _LONGEST)) if isinstance(least, int | float) and least > 0 else 0


def _fits(schema: dict[str, Any], word: str) -> bool:
    wanted = _FORMATS.get(str(schema.get("format")))
    return wanted is None or word == wanted


_FORMATS = {
    "date": _WORDS[2],
    "date-time": _WORDS[3],
    "time": _WORDS[4],
    "uri": _WORDS[5],
    "email": _WORDS[6],
}


def _number(schema: dict[str, Any], _root: _Root, _depth: int) -> Any:
    bounds = [schema.get("minimum"), schema.get("exclusiveMinimum"), schema.get("maximum"), 1, 0]
    finite = [bound for bound in bounds if isinstance(bound, int | float) and math.isfinite(bound)]
    tries = [bound + step for bound in finite for step in (0, 1)]
    return next((value for value in tries if _valid(schema, value)), None)


def _false(_schema: dict[str, Any], _root: _Root, _depth: int) -> Any:
    return False


_MAKERS: dict[str, Callable[[dict[str, Any], _Root, int], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _number,
    "number": _number,
    "boolean": _false,
}
