"""A server whose tools have their arguments mirrored in headers, and whose own headers are written oddly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from conformance.clients.offer import EMPTY_SCHEMA, Offer, usual_offer
from conformance.clients.reply import Message, Reply
from conformance.clients.scenario import Behaviour, Scenario, Scene, Turn, modern
from reference_impl.protocol.errors import Code
from reference_impl.protocol.revisions import Revision

__all__ = ["MOVED", "NEW_HEADER", "SCENARIO", "TOOLS", "locate"]

MOVED = "locate"
"""The tool whose header changes while the client has it."""
NEW_HEADER = "District"
_BEYOND = 2**53 + 1
_STRINGS = {
    "accent": "\u00e9\u4e16",
    "blank": " x ",
    "control": "a\nb",
    "marked": "=?base64?eA==?=",
    "plain": "x y",
}


def _string(value: str, header: str | None = None) -> Message:
    return {"type": "string", "enum": [value]} | ({} if header is None else {"x-mcp-header": header})


def _tool(name: str, properties: dict[str, Any], *required: str) -> Message:
    schema = {"type": "object", "properties": properties, "required": list(required or properties)}
    return {"name": name, "description": f"The tool {name}.", "inputSchema": schema}


def locate(header: str) -> Message:
    """The tool that changes, with the header that it has."""
    return _tool(MOVED, {"region": _string("x", header)})


_NESTED = {"type": "object", "properties": {"region": _string("inner", "Region")}, "required": ["region"]}
TOOLS: tuple[Message, ...] = (
    _tool("label", {name: _string(value, f"Text-{name.title()}") for name, value in _STRINGS.items()}),
    _tool(
        "place",
        {
            "region": _string("outer"),
            "where": _NESTED,
            "maybe": {"type": "string", "x-mcp-header": "Maybe"},
        },
        "region",
        "where",
    ),
    _tool(
        "count",
        {
            "number": {"type": "integer", "enum": [-5], "x-mcp-header": "Number"},
            "sure": {"type": "boolean", "enum": [True], "x-mcp-header": "Sure"},
        },
    ),
    _tool("beyond", {"number": {"type": "integer", "enum": [_BEYOND], "x-mcp-header": "Number"}}),
    {"name": "caf\u00e9", "description": "Serves coffee.", "inputSchema": EMPTY_SCHEMA},
)
_CALLS = (
    {"name": "label", "arguments": dict(_STRINGS)},
    {"name": "place", "arguments": {"region": "outer", "where": {"region": "inner"}, "maybe": None}},
    {"name": "count", "arguments": {"number": -5, "sure": True}},
    {"name": "caf\u00e9", "arguments": {}},
    {"name": MOVED, "arguments": {"region": "x"}},
)
"""What a client that is told by the official suite's contract what to call is told."""


def _begin(_: Scene) -> Behaviour:
    moved = False

    def offer(revision: Revision) -> Offer:
        return replace(usual_offer(revision), tools=(TOOLS, (), (locate(NEW_HEADER if moved else "Region"),)))

    def reply(turn: Turn) -> Reply | None:
        nonlocal moved
        if moved or turn.method != "tools/call" or turn.params.get("name") != MOVED or not turn.is_request:
            return None
        moved = True
        return turn.error(Code.HEADER_MISMATCH, f"Header mismatch: Mcp-Param-{NEW_HEADER} is missing", status=400)

    return Behaviour(
        reply=reply,
        offer=offer,
        header_names=_odd,
        official="http-custom-headers",
        context={"toolCalls": list(_CALLS)},
    )


_odd: Callable[[str], str] = str.upper

SCENARIO = Scenario(
    "headers",
    "writes the names of its headers in capitals, has tools whose arguments are mirrored in headers and need encoding,"
    " lie deep, or are too large, and changes such a header while the client calls",
    _begin,
    binds=modern,
    transports=("http",),
    apart=True,
)
