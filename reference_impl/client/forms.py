"""Forms that a server asks to be filled in: defaults for what was left empty, and what is wrong with the rest.

The schemas are flat and of primitive types (`client/elicitation#requested-schema`); what goes beyond them is the
server's own business and passes.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from reference_impl.client.settings import JsonObject

__all__ = ["filled", "form_fault"]

_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value == int(value),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
}

_BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "minLength": lambda value, bound: len(value) >= bound,
    "maxLength": lambda value, bound: len(value) <= bound,
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "minItems": lambda value, bound: len(value) >= bound,
    "maxItems": lambda value, bound: len(value) <= bound,
}
_BOUNDED: dict[str, tuple[str, ...]] = {
    "string": ("minLength", "maxLength"),
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "array": ("minItems", "maxItems"),
}

_FORMATS: dict[str, Callable[[str], object]] = {
    "email": lambda text: text.index("@", 1, -1),
    "uri": lambda text: urlsplit(text).scheme[0],
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
}
"""Format to a reading of it, which fails for a text that has another."""


def _properties(schema: Any) -> JsonObject:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties if isinstance(properties, dict) else {}


def filled(schema: Any, content: JsonObject) -> JsonObject:
    """Return the content with the defaults of the fields that it leaves out."""
    fields = _properties(schema).items()
    return {
        name: field["default"] for name, field in fields if isinstance(field, dict) and "default" in field
    } | content


def form_fault(schema: Any, content: JsonObject) -> str | None:
    """Say what in a filled form does not fit its schema, or None if nothing does not."""
    required = schema.get("required") if isinstance(schema, dict) else None
    for name in required if isinstance(required, list) else ():
        if name not in content:
            return f"{name} is required"
    for name, field in _properties(schema).items():
        fault = _fault(field, content[name]) if name in content and isinstance(field, dict) else None
        if fault is not None:
            return f"{name} {fault}"
    return None


def _fault(field: JsonObject, value: Any) -> str | None:
    kind = field.get("type")
    if not isinstance(kind, str) or kind not in _TYPES:
        return None
    if not _TYPES[kind](value):
        return f"is no {kind}"
    for keyword in _BOUNDED.get(kind, ()):
        bound = field.get(keyword)
        if isinstance(bound, int | float) and not _BOUNDS[keyword](value, bound):
            return f"breaks {keyword} {bound}"
    choices = _choices(field.get("items") if kind == "array" else field)
    chosen = value if kind == "array" else [value]
    if choices is not None and any(each not in choices for each in chosen):
        return f"is none of {', '.join(map(str, choices))}"
    return _format_fault(field.get("format"), value) if kind == "string" else None


def _choices(field: Any) -> list[Any] | None:
    """Return what can be chosen, with titles (`oneOf`, `anyOf`) or without (`enum`), or None where anything can."""
    match field:
        case {"enum": list(values)}:
            return values
        case {"oneOf": list(options)} | {"anyOf": list(options)}:
            return [option.get("const") for option in options if isinstance(option, dict)]
    return None


def _format_fault(name: Any, text: str) -> str | None:
    reading = _FORMATS.get(name) if isinstance(name, str) else None
    try:
        if reading is not None:
            reading(text)
    except (ValueError, IndexError):
        return f"is no {name}"
    return None
