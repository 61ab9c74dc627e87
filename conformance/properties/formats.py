"""Texts that are not written as their format or pattern asks: of tool arguments, and of the URIs of resources.

Validators need not assert `format` (JSON Schema 2020-12, validation, section 7.2.1) and engines read patterns in their
own ways, so that nothing is demanded of the answer but that it comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.known import ID, call_message
from conformance.properties.messages import request
from conformance.properties.property import Ground
from conformance.surface import ToolCall

__all__ = ["wrong_formats"]

_MOST = 40
_NO_URI = "http://[touchstone"
_WRONG = {
    "date-time": "2026-02-30T25:61:00",
    "date": "2026-13-45",
    "time": "25:61",
    "duration": "P-1",
    "email": "touchstone at example",
    "idn-email": "touchstone at example",
    "hostname": "-touchstone-..",
    "ipv4": "999.1.1.1",
    "ipv6": ":::::::::",
    "uri": _NO_URI,
    "uri-reference": _NO_URI,
    "iri": _NO_URI,
    "uuid": "touchstone",
    "regex": "(",
    "json-pointer": "touchstone",
}
_TRIED = ("touchstone", "", "!", "0", "\n")
"""Texts of which one is likely not to match a pattern."""
_NO_URIS = ("touchstone", _NO_URI, "%zz", "touchstone:// /", "://")


def wrong_formats(ground: Ground) -> Iterator[Case]:
    """Requests with one such text each, for as many as is reasonable."""
    return islice(_every(ground), _MOST)


def _every(ground: Ground) -> Iterator[Case]:
    if "resources" in ground.capabilities and ground.surface.resources:
        for uri in _NO_URIS:
            message = request(ground.revision, "resources/read", {"uri": uri}, request_id=ID)
            yield _case(f"resources/read of {uri}", message)
    for call in ground.surface.calls() if "tools" in ground.capabilities else ():
        if not ground.surface.is_slow(call):
            yield from _of_tool(ground, call)


def _of_tool(ground: Ground, call: ToolCall) -> Iterator[Case]:
    schema, name = call.tool.get("inputSchema"), call.tool["name"]
    members = schema.get("properties") if isinstance(schema, dict) else None
    for member, definition in members.items() if isinstance(members, dict) else ():
        text = _wrong(definition) if isinstance(definition, dict) else None
        if text is not None:
            message = call_message(ground, name, {**call.arguments, member: text})
            yield _case(f"{name} with {text!r} as {member}", message)


def _wrong(definition: dict[str, Any]) -> str | None:
    """Return a text that a format or pattern rules out, or None."""
    if definition.get("type") != "string":
        return None
    if isinstance(form := definition.get("format"), str) and form in _WRONG:
        return _WRONG[form]
    if not isinstance(pattern := definition.get("pattern"), str):
        return None
    try:
        return next((text for text in _TRIED if re.search(pattern, text) is None), None)
    except (re.error, RecursionError, OverflowError):
        return None


def _case(label: str, message: dict[str, Any]) -> Case:
    return Case(label, Expectation.REPLY, message, way="format")
