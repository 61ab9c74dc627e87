"""`x-mcp-header` in an inputSchema, as `basic/transports/streamable-http#schema-extension` bounds it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

__all__ = ["annotation_flaw", "header_parameters", "is_secret"]

_KEYWORD = "x-mcp-header"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""RFC 9110, section 5.6.2."""
_PRIMITIVE = frozenset({"integer", "string", "boolean", "null"})
"""A parameter that may also be null is still sent as a header where it has a value."""
_NAMED = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
"""Keywords whose members are schemas."""
_DATA = frozenset({"const", "default", "enum", "examples"})
"""Keywords whose values are no schemas, whatever they look like."""

_SECRETS = (
    *(("password",), ("passwd",), ("passphrase",), ("secret",), ("ssn",), ("credentials",)),
    *(("api", "key"), ("apikey",), ("private", "key"), ("access", "token"), ("refresh", "token"), ("auth", "token")),
    *(("bearer", "token"), ("credit", "card"), ("credit", "card", "number"), ("social", "security", "number")),
)
"""Words that the name of a secret ends with; a `secretName` is none. Neither is every `token` or `key`: pages have
tokens."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def header_parameters(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every parameter that is copied into a header: its own name and its schema."""
    for path, annotated, _ in _annotated(schema, "", reachable=True):
        yield path.rpartition("/")[2], annotated


def is_secret(name: str, schema: dict[str, Any]) -> bool:
    """Whether a parameter is a secret by its name or by what its schema says of it."""
    if schema.get("format") == "password" or schema.get("writeOnly") is True:
        return True
    words = tuple(word.lower() for word in _WORD.findall(name))
    return any(words[-len(secret) :] == secret for secret in _SECRETS)


def annotation_flaw(schema: Any) -> str | None:
    """Say what is wrong with the annotations of a schema, or return None."""
    seen: dict[str, Any] = {}
    for path, annotated, reachable in _annotated(schema, "", reachable=True):
        value = annotated[_KEYWORD]
        wrong = _own_flaw(path, annotated, reachable)
        if wrong is not None:
            return wrong
        if value.lower() in seen:
            return f"{path}: {value!r} is taken by {seen[value.lower()]}"
        seen[value.lower()] = path
    return None


def _own_flaw(path: str, annotated: dict[str, Any], reachable: bool) -> str | None:
    value, kinds = annotated[_KEYWORD], annotated.get("type")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        return f"{path}: {value!r} is no token"
    if not reachable:
        return f"{path}: not reached through properties alone"
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind is not None and kind not in _PRIMITIVE:
            return f"{path}: on a parameter of type {kind!r}"
    return None


def _annotated(schema: Any, path: str, *, reachable: bool) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Every annotated subschema below the root, with its path and whether a chain of `properties` leads there."""
    if not isinstance(schema, dict):
        return
    if _KEYWORD in schema:
        yield path or "the root", schema, reachable and bool(path)
    for keyword, inner in schema.items():
        if keyword in _NAMED and isinstance(inner, dict):
            for name, member in inner.items():
                plain = reachable and keyword == "properties"
                yield from _annotated(member, f"{path}/{keyword}/{name}", reachable=plain)
        elif keyword not in _DATA:
            for index, member in enumerate(inner if isinstance(inner, list) else [inner]):
                step = f"{keyword}/{index}" if isinstance(inner, list) else keyword
                yield from _annotated(member, f"{path}/{step}", reachable=False)
