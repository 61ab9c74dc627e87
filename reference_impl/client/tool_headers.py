"""Which tool definitions a client of Streamable HTTP has to leave out: those whose `x-mcp-header` breaks a rule.

Source: `server/tools#x-mcp-header` and `basic/transports/streamable-http#schema-extension` of 2026-07-28.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

__all__ = ["argument_fault", "schema_fault"]

_ANNOTATION = "x-mcp-header"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PRIMITIVE = frozenset({"string", "integer", "boolean"})
_SAFE = 2**53 - 1
_NAMED_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
"""Keywords whose members are names of the author's choosing, each with a schema."""
_DATA = frozenset({"const", "default", "enum", "examples"})
"""Keywords that hold instances, in which nothing is an annotation."""


def schema_fault(schema: Any) -> str | None:
    """Say what is wrong with the `x-mcp-header` annotations of an input schema, or None if nothing is."""
    seen: set[str] = set()
    for node, reachable in _schemas(schema):
        name = node.get(_ANNOTATION)
        if _ANNOTATION not in node:
            continue
        fault = _fault(name, node.get("type"), reachable)
        if fault is None and str(name).lower() in seen:
            fault = "is used twice"
        if fault is not None:
            return f"{_ANNOTATION} {name!r} {fault}"
        seen.add(str(name).lower())
    return None


def _fault(name: Any, kind: Any, reachable: bool) -> str | None:
    kinds = set(kind if isinstance(kind, list) else [kind]) - {"null"}
    if not isinstance(name, str) or not _TOKEN.fullmatch(name):
        return "is not a header name"
    if not kinds or not kinds <= _PRIMITIVE:
        return "is on a parameter that is no string, integer or boolean"
    return None if reachable else "is not reached through properties alone"


def _schemas(root: Any) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield every schema inside a schema, however deep, the root itself (which is no property) as unreachable."""
    stack: list[tuple[Any, bool, bool]] = [(root, False, True)]
    while stack:
        node, reachable, chained = stack.pop()
        if isinstance(node, list):
            stack.extend((member, False, False) for member in node)
        if not isinstance(node, dict):
            continue
        yield node, reachable
        for keyword, value in node.items():
            if keyword in _NAMED_SCHEMAS and isinstance(value, dict):
                straight = chained and keyword == "properties"
                stack.extend((member, straight, straight) for member in value.values())
            elif keyword not in _DATA:
                stack.append((value, False, False))


def argument_fault(value: Any) -> str | None:
    """Say why an argument cannot be mirrored into a header, or None: integers have to be exact as doubles."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _SAFE:
        return f"{value} is beyond the integers that a header parameter may have"
    return None
