"""What our scripted server offers: a few tools, a resource and a prompt, the same in every scenario.

The list of tools has several pages, with cursors that only a client which leaves them alone gives back as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reference_impl.protocol.errors import Code
from reference_impl.protocol.lifecycle import SERVER_INFO
from reference_impl.protocol.methods import find
from reference_impl.protocol.revisions import Revision

__all__ = ["CAPABILITIES", "CURSORS", "HEADER_TOOL", "IDENTITY", "SHORT_PAGE", "answer", "opening", "refusal"]

IDENTITY = {"name": "touchstone", "version": "1"}
CAPABILITIES: dict[str, Any] = {"tools": {}, "resources": {}, "prompts": {}}

_NUMBERS = {"a": {"type": "number"}, "b": {"type": "number"}}
_EMPTY_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
_TOOLS: tuple[dict[str, Any], ...] = (
    {
        "name": "add_numbers",
        "description": "Adds two numbers.",
        "inputSchema": {"type": "object", "properties": _NUMBERS, "required": ["a", "b"]},
    },
    {"name": "greet", "description": "Says hello.", "inputSchema": _EMPTY_SCHEMA},
)
HEADER_TOOL: dict[str, Any] = {
    "name": "locate",
    "description": "Says where a region is.",
    "inputSchema": {
        "type": "object",
        "properties": {"region": {"type": "string", "enum": ["x"], "x-mcp-header": "Region"}},
        "required": ["region"],
    },
}
"""A tool whose argument travels in a header too, in the revision that has such headers."""
_LAST: dict[str, Any] = {"name": "farewell", "description": "Says goodbye.", "inputSchema": _EMPTY_SCHEMA}
_URI = "test://static-text"

CURSORS = ('2 &/?="\u00fc\\', " 3==")
"""What leads to the pages after the first."""
SHORT_PAGE = CURSORS[0]
"""The cursor of a page on which nothing stands, and after which more comes."""


def opening(revision: Revision, version: str) -> dict[str, Any]:
    """Return the result of `initialize` or `server/discover`, in which the server names `version`."""
    if not revision.modern:
        return {"protocolVersion": version, "capabilities": CAPABILITIES, "serverInfo": IDENTITY}
    return {"supportedVersions": [version], "capabilities": CAPABILITIES, "_meta": {SERVER_INFO: IDENTITY}}


def answer(revision: Revision, message: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answer to a request of a client of the revision, after the opening."""
    method = message.get("method")
    row = find(method, revision)
    if row is None or method not in _RESULTS:
        return refusal(message, Code.METHOD_NOT_FOUND, "Method not found")
    params = message.get("params")
    result = _RESULTS[method](params if isinstance(params, dict) else {}, revision)
    if result is None:
        return refusal(message, Code.INVALID_PARAMS, "Unknown cursor or name")
    return {"jsonrpc": "2.0", "id": message["id"], "result": complete(revision, result, caches=row.caches)}


def complete(revision: Revision, result: dict[str, Any], *, caches: bool) -> dict[str, Any]:
    """Return a result with what the modern era adds to it."""
    if not revision.modern:
        return result
    hints = {"ttlMs": 0, "cacheScope": "private"} if caches else {}
    return {"resultType": "complete", **hints, **result}


def refusal(message: Mapping[str, Any], code: int, text: str, data: object = None) -> dict[str, Any]:
    """Return an error as the answer to a request."""
    error = {"code": int(code), "message": text} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": message.get("id"), "error": error}


def _tools(params: dict[str, Any], revision: Revision) -> dict[str, Any] | None:
    first = (*_TOOLS, HEADER_TOOL) if revision.mirrored_headers else _TOOLS
    pages: dict[Any, tuple[tuple[dict[str, Any], ...], str | None]] = {
        None: (first, CURSORS[0]),
        CURSORS[0]: ((), CURSORS[1]),
        CURSORS[1]: ((_LAST,), None),
    }
    cursor = params.get("cursor")
    page = pages.get(cursor) if isinstance(cursor, str | None) else None
    if page is None:
        return None
    tools, following = page
    return {"tools": list(tools)} | ({} if following is None else {"nextCursor": following})


def _call(params: dict[str, Any], _: Revision) -> dict[str, Any] | None:
    names = [tool["name"] for tool in (*_TOOLS, HEADER_TOOL, _LAST)]
    if params.get("name") not in names:
        return None
    return {"content": [{"type": "text", "text": "done"}]}


def _read(params: dict[str, Any], _: Revision) -> dict[str, Any] | None:
    text = {"uri": _URI, "mimeType": "text/plain", "text": "A text."}
    return {"contents": [text]} if params.get("uri") == _URI else None


def _prompt(params: dict[str, Any], _: Revision) -> dict[str, Any] | None:
    said = {"role": "user", "content": {"type": "text", "text": "Say hello."}}
    return {"messages": [said]} if params.get("name") == "greeting" else None


_RESULTS: dict[Any, Callable[[dict[str, Any], Revision], dict[str, Any] | None]] = {
    "ping": lambda *_: {},
    "tools/list": _tools,
    "tools/call": _call,
    "resources/list": lambda *_: {"resources": [{"uri": _URI, "name": "text"}]},
    "resources/templates/list": lambda *_: {"resourceTemplates": []},
    "resources/read": _read,
    "prompts/list": lambda *_: {"prompts": [{"name": "greeting"}]},
    "prompts/get": _prompt,
}
