"""Grounds for cases that no target has to stand behind."""

from __future__ import annotations

from typing import Any

from conformance.properties.property import Ground
from conformance.surface import Surface
from reference_impl.protocol.revisions import LATEST_LEGACY, Revision

TREE = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
ECHO: dict[str, Any] = {
    "name": "echo",
    "annotations": {"readOnlyHint": True},
    "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    "outputSchema": {"type": "object", "required": ["text"]},
}
ADD: dict[str, Any] = {
    "name": "add",
    "annotations": {"readOnlyHint": True},
    "inputSchema": {
        "type": "object",
        "properties": {"a": {"type": "integer", "minimum": -5, "maximum": 5}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
DEPTH: dict[str, Any] = {
    "name": "depth",
    "annotations": {"readOnlyHint": True},
    "inputSchema": {
        "type": "object",
        "properties": {"tree": {"$ref": "#/$defs/tree"}},
        "required": ["tree"],
        "$defs": {"tree": TREE},
    },
}
PLAIN = {"name": "plain", "annotations": {"readOnlyHint": True}, "inputSchema": {"type": "object"}}
WRITES = {**ECHO, "name": "writes", "annotations": {}}
ALL = {"tools": {}, "prompts": {}, "resources": {"subscribe": True}, "completions": {}, "logging": {}}


def ground(
    *tools: dict[str, Any], transport: str = "stdio", revision: Revision = LATEST_LEGACY, **lists: Any
) -> Ground:
    declared = lists.pop("capabilities", ALL)
    return Ground(revision, Surface(tools=list(tools), **lists), declared, transport)
