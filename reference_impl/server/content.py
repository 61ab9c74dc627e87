"""Content blocks: built from Python values, and written the way each revision knows them
(`server/tools#tool-result`)."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from reference_impl.protocol.messages import encode_json
from reference_impl.protocol.revisions import ALWAYS, REVISIONS, Revision, Window

__all__ = ["Block", "ToolResult", "adapt", "audio", "embedded", "image", "link", "text", "to_result"]

Block = dict[str, Any]
"""One content block as JSON: `{"type": "text", "text": ...}` and its kin."""

_KINDS: dict[str, Window] = {
    "text": ALWAYS,
    "image": ALWAYS,
    "resource": ALWAYS,
    "audio": Window(since="2025-03-26"),
    "resource_link": Window(since="2025-06-18"),
}
"""Kind of content to the revisions that have it."""
_FOREIGN = {
    revision.name: frozenset(kind for kind, window in _KINDS.items() if revision not in window)
    for revision in REVISIONS
}
"""Revision to the kinds that it lacks."""


class ToolResult(msgspec.Struct, frozen=True):
    """What a tool gives back when plain content does not say it all.

    `structured` is any JSON value; the ellipsis keeps `null` apart from nothing. `meta` becomes the result's `_meta`.
    """

    content: list[Block] = []
    structured: Any = ...
    is_error: bool = False
    meta: dict[str, Any] | None = None


def text(value: str) -> Block:
    """Return a text block."""
    return {"type": "text", "text": value}


def image(data: bytes, mime_type: str) -> Block:
    """Return an image block; `data` is the raw file."""
    return {"type": "image", "data": base64.b64encode(data).decode(), "mimeType": mime_type}


def audio(data: bytes, mime_type: str) -> Block:
    """Return an audio block; `data` is the raw file."""
    return {"type": "audio", "data": base64.b64encode(data).decode(), "mimeType": mime_type}


def embedded(uri: str, body: str | bytes, mime_type: str) -> Block:
    """Return a resource's contents as a block."""
    return {"type": "resource", "resource": resource_contents(uri, body, mime_type)}


def link(uri: str, name: str, description: str | None = None, mime_type: str | None = None) -> Block:
    """Return a block that points to a resource."""
    block = {"type": "resource_link", "uri": uri, "name": name}
    if description is not None:
        block["description"] = description
    if mime_type is not None:
        block["mimeType"] = mime_type
    return block


def resource_contents(uri: str, body: str | bytes, mime_type: str | None) -> dict[str, Any]:
    """Return one entry of `contents`: text as it is, bytes as a Base64 blob (`server/resources#resource-contents`).

    Raises `TypeError` for anything else.
    """
    kind = {} if mime_type is None else {"mimeType": mime_type}
    if isinstance(body, bytes):
        return {"uri": uri, **kind, "blob": base64.b64encode(body).decode()}
    if not isinstance(body, str):
        raise TypeError(f"a resource is a str, bytes or a list of contents, not {type(body).__name__}")
    return {"uri": uri, **kind, "text": body}


def adapt(blocks: list[Block], revision: Revision) -> list[Block]:
    """Return the blocks with those kinds that `revision` lacks told in words."""
    foreign = _FOREIGN[revision.name]
    return [_told(block) if block["type"] in foreign else block for block in blocks] if foreign else blocks


def _told(block: Block) -> Block:
    if block["type"] == "resource_link":
        return text(f"Resource {block['name']}: {block['uri']}")
    return text(f"[{block['type']} content, {block.get('mimeType', 'unknown type')}, not available in this revision]")


def to_result(value: Any, *, structured: bool) -> ToolResult:
    """Turn what a tool returned into a result.

    `structured` says that the tool declares an output schema: the value is then the structured content, repeated as
    JSON text for clients that read only text (`server/tools#structured-content`).
    """
    if isinstance(value, ToolResult):
        return value
    if not structured and isinstance(value, str):
        return ToolResult([{"type": "text", "text": value}])
    if structured:
        return ToolResult([text(encode_json(value).decode())], structured=value)
    return ToolResult(_blocks(value))


def _blocks(value: Any) -> list[Block]:
    match value:
        case None:
            return []
        case str():
            return [text(value)]
        case dict() if _is_block(value):
            return [value]
        case [*blocks] if blocks and all(_is_block(block) for block in blocks):
            return list(blocks)
    return [text(encode_json(value).decode())]


def _is_block(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") in _KINDS
