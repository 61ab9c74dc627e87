"""Values that broke servers in the field, put wherever a tool's own input schema allows them.

Each is small already, so that it is tried as it is before anything is drawn. What JSON itself leaves open (lone
surrogates, numbers beyond every type) is written byte by byte, and of it a target need only live on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from conformance.dialects import misfit
from conformance.properties.case import Case, Promise
from conformance.properties.expectation import Expectation
from conformance.properties.json_schema_breaks import put
from conformance.properties.messages import request, tower
from conformance.properties.property import Ground
from conformance.surface import ToolCall

__all__ = ["ID", "TEXTS", "call_message", "known_calls", "promise_of"]

ID = 7
"""The id of a request whose id is not the point; each conversation replaces ids that it has seen."""
TEXTS: tuple[tuple[str, str], ...] = (
    ("an empty text", ""),
    ("U+0000", "\0"),
    ("a newline", "a\nb"),
    ("U+2028", "a\u2028b"),
    ("a backslash", "\\"),
    ("characters of two to four bytes", "\u00e9\u4e2d\U0001f600"),
    ("a byte order mark", "\ufeff"),
    ("a terminal's escape", "\x1b[0m"),
    ("marks of formats", "%s{0}${x}{{x}}"),
    ("a text like a number", "1e5"),
    ("__proto__", "__proto__"),
    ("65,537 characters", "a" * 65_537),
)
_NUMBERS: tuple[tuple[str, Any], ...] = (
    *(("zero", 0), ("minus one", -1), ("a half", 0.5), ("2**31", 2**31), ("2**53", 2**53), ("2**63", 2**63)),
    *(("thirty digits", 10**30), ("1e308", 1e308), ("the smallest double", 5e-324), ("1.0", 1.0)),
)
_DEPTH = 100
_OTHERS: tuple[tuple[str, Any], ...] = (
    *(("null", None), ("true", True), ("an empty array", []), ("an empty object", {})),
    *(("arrays 100 deep", tower(_DEPTH)), ("a member named __proto__", {"__proto__": 1})),
)
_RAW: tuple[tuple[str, str, str], ...] = (
    ("a lone surrogate", "string", r'"\ud800"'),
    ("an integer of 400 digits", "integer", "9" * 400),
    ("1e400", "number", "1e400"),
    ("NaN", "number", "NaN"),
)
_PLACE = "touchstone-place"
_MOST = 120
"""Known values that are tried at most; a target with many tools gets some at each of the first."""


def promise_of(tool: dict[str, Any], *, fits: bool) -> Promise:
    """Return what a tool promises of a call whose arguments fit, or do not."""
    return Promise(fits, tool.get("outputSchema"))


def call_message(ground: Ground, name: str, arguments: Any, request_id: int = ID) -> dict[str, Any]:
    """Return a call of a tool."""
    return request(ground.revision, "tools/call", {"name": name, "arguments": arguments}, request_id=request_id)


def known_calls(ground: Ground, calls: list[ToolCall]) -> Iterator[Case]:
    """Calls with one known-bad value each, those of each tool in turn."""
    waiting = [_of_tool(ground, call) for call in calls]
    return islice(_in_turn(waiting), _MOST)


def _in_turn(waiting: list[Iterator[Case]]) -> Iterator[Case]:
    while waiting:
        for cases in list(waiting):
            found = next(cases, None)
            if found is None:
                waiting.remove(cases)
            else:
                yield found


def _of_tool(ground: Ground, call: ToolCall) -> Iterator[Case]:
    schema, name = call.tool.get("inputSchema"), call.tool["name"]
    promise = promise_of(call.tool, fits=True)
    for member, definition in _members(schema):
        for what, value in (*TEXTS, *_bounds(definition), *_listed(definition), *_NUMBERS, *_OTHERS):
            arguments = {**call.arguments, member: value}
            if _allows(schema, arguments):
                message = call_message(ground, name, arguments)
                yield Case(f"{name} with {what} as {member}", Expectation.ANSWER, message, promise=promise)
        yield from _raw(ground, call, member, definition)
    for arguments in _deepened(schema, call.arguments):
        yield Case(f"{name} with deep arguments", Expectation.REPLY, call_message(ground, name, arguments))


def _members(schema: Any) -> list[tuple[str, Any]]:
    members = schema.get("properties") if isinstance(schema, dict) else None
    return list(members.items()) if isinstance(members, dict) else []


def _bounds(definition: Any) -> list[tuple[str, Any]]:
    known = definition if isinstance(definition, dict) else {}
    return [(f"its {name}", known[name]) for name in ("minimum", "maximum") if isinstance(known.get(name), int | float)]


def _listed(definition: Any) -> list[tuple[str, Any]]:
    values = definition.get("enum") if isinstance(definition, dict) else None
    return [(json.dumps(value), value) for value in values[:8]] if isinstance(values, list) else []


def _allows(schema: Any, arguments: dict[str, Any]) -> bool:
    try:
        return misfit(schema, arguments) is None
    except (OverflowError, ArithmeticError):  # a validator that cannot count so far
        return False


def _raw(ground: Ground, call: ToolCall, member: str, definition: Any) -> Iterator[Case]:
    name = call.tool["name"]
    types = definition.get("type") if isinstance(definition, dict) else None
    for number, (what, kind, text) in enumerate(_RAW):
        if kind in (types if isinstance(types, list) else [types]):
            message = call_message(ground, name, {**call.arguments, member: _PLACE}, ID + number)
            line = json.dumps(message).replace(json.dumps(_PLACE), text).encode() + b"\n"
            yield Case(f"{name} with {what} as {member}", Expectation.ANYTHING_BUT_DEATH, chunks=(line,))


def _deepened(schema: Any, arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Arguments that hold themselves again and again, where the schema is recursive.

    That two levels fit shows that any number does, so that no validator has to climb down.
    """
    for member, path in _ways_in(schema):
        inner: Any = {}
        once = put(arguments, (member,), _wrapped(inner, path, 1))
        twice = put(arguments, (member,), _wrapped(inner, path, 2))
        if _allows(schema, once) and _allows(schema, twice):
            yield put(arguments, (member,), _wrapped(inner, path, _DEPTH))


def _ways_in(schema: Any) -> Iterator[tuple[str, str]]:
    """Each member whose definition is recursive through a member that is an array or an object, by name."""
    definitions = {**schema.get("$defs", {}), **schema.get("definitions", {})} if isinstance(schema, dict) else {}
    for member, definition in _members(schema):
        named = definition.get("$ref") if isinstance(definition, dict) else None
        target = definitions.get(named.rpartition("/")[2]) if isinstance(named, str) else None
        for name, inner in _members(target):
            if isinstance(inner, dict):
                yield member, f"[{name}" if inner.get("type") == "array" else name


def _wrapped(inner: Any, name: str, levels: int) -> Any:
    for _ in range(levels):
        inner = {name[1:]: [inner]} if name.startswith("[") else {name: inner}
    return inner
