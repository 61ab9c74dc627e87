"""A modern server over HTTP one of whose tools is in order; the x-mcp-header of each other breaks a rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conformance.clients.offer import Offer
from conformance.clients.reply import Message
from conformance.clients.said import calls_tools
from conformance.clients.scenario import Behaviour, Scenario, modern
from conformance.transcript import Conversation
from reference_impl.protocol.revisions import Revision

__all__ = ["BAD", "GOOD", "SCENARIO"]

GOOD = "valid_tool"
"""The tool that is in order."""


def _tool(name: str, **properties: Any) -> Message:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "description": f"The tool {name}.", "inputSchema": schema}


def _text(header: object, kind: str = "string") -> Message:
    return {"type": kind, "x-mcp-header": header}


_DEEP = {"type": "array", "items": {"type": "object", "properties": {"region": _text("Region")}}}
_TOOLS = (
    _tool("empty_header", region=_text("")),
    _tool("blank_header", region=_text("My Region")),
    _tool("broken_header", region=_text("Region\r\nX-Evil: 1")),
    _tool("doubled_header", region=_text("Region"), other=_text("REGION")),
    _tool("number_header", region=_text("Region", "number")),
    _tool("object_header", region=_text("Region", "object")),
    _tool("deep_header", regions=_DEEP),
    _tool(GOOD, region=_text("Region")),
)
BAD = tuple(tool["name"] for tool in _TOOLS if tool["name"] != GOOD)
"""The others."""


def _offer(_: Revision) -> Offer:
    return Offer((_TOOLS,))


def _needs(plain: Sequence[Conversation]) -> str | None:
    return None if any(map(calls_tools, plain)) else "the client calls no tool"


SCENARIO = Scenario(
    "bad-headers",
    "has one tool that is in order, after others whose x-mcp-header breaks a rule each",
    lambda _: Behaviour(offer=_offer, official="http-invalid-tool-headers"),
    binds=modern,
    transports=("http",),
    needs=_needs,
)
