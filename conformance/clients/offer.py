"""What our scripted server offers: a few tools, a resource and a prompt, where a scenario does not offer others.

The list of tools has several pages, with cursors that only a client which leaves them alone gives back as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_impl.protocol.errors import Code
from reference_impl.protocol.lifecycle import SERVER_INFO
from reference_impl.protocol.methods import find
from reference_impl.protocol.revisions import Revision

__all__ = [
    "CAPABILITIES",
    "CURSORS",
    "EMPTY_SCHEMA",
    "HEADER_TOOL",
    "IDENTITY",
    "SHORT_PAGE",
    "Offer",
    "answer",
    "complete",
    "opening",
    "refusal",
    "usual_offer",
]

IDENTITY = {"name": "touchstone", "version": "1"}
CAPABILITIES: dict[str, Any] = {"tools": {}, "resources": {}, "prompts": {}}

_NUMBERS = {"a": {"type": "number"}, "b": {"type": "number"}}
EMPTY_SCHEMA: dict[str, Any] = {"type": "object", "properties": {}}
_TOOLS: tuple[dict[str, Any], ...] = (
    {
        "name": "add_numbers",
        "description": "Adds two numbers.",
        "inputSchema": {"type": "object", "properties": _NUMBERS, "required": ["a", "b"]},
    },
    {"name": "greet", "description": "Says hello.", "inputSchema": EMPTY_SCHEMA},
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
_LAST: dict[str, Any] = {"name": "farewell", "description": "Says goodbye.", "inputSchema": EMPTY_SCHEMA}
_URI = "test://static-text"

CURSORS = ('2 &/?="\u00fc\\', " 3==")
"""What leads to the pages after the first."""
SHORT_PAGE = CURSORS[0]
"""The cursor of a page on which nothing stands, and after which more comes."""


Item = dict[str, Any]
Pages = tuple[tuple[Item, ...], ...]
"""A list in pages; `CURSORS` lead from one to the next, of which there are two at most."""


def _done(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": "done"}]}


def _text(params: Mapping[str, Any]) -> dict[str, Any]:
    return {"contents": [{"uri": params["uri"], "mimeType": "text/plain", "text": "A text."}]}


def _greeting(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": {"type": "text", "text": "Say hello."}}]}


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server has. `call`, `read` and `get` give the result for the params of a request that names a tool, a
    resource or a prompt of it; what has no page is not there."""

    tools: Pages
    resources: Pages = (({"uri": _URI, "name": "text"},),)
    templates: Pages = ((),)
    prompts: Pages = (({"name": "greeting"},),)
    call: Callable[[Mapping[str, Any]], dict[str, Any]] = _done
    read: Callable[[Mapping[str, Any]], dict[str, Any]] = _text
    get: Callable[[Mapping[str, Any]], dict[str, Any]] = _greeting
    capabilities: Mapping[str, Any] = field(default_factory=lambda: CAPABILITIES)


def usual_offer(revision: Revision) -> Offer:
    """Return what a server of the revision has where a scenario says nothing else."""
    first = (*_TOOLS, HEADER_TOOL) if revision.mirrored_headers else _TOOLS
    return Offer((first, (), (_LAST,)))


def opening(revision: Revision, version: str, offer: Offer | None = None) -> dict[str, Any]:
    """Return the result of `initialize` or `server/discover`, in which the server names `version`."""
    capabilities = dict((offer or usual_offer(revision)).capabilities)
    if not revision.modern:
        return {"protocolVersion": version, "capabilities": capabilities, "serverInfo": IDENTITY}
    return {"supportedVersions": [version], "capabilities": capabilities, "_meta": {SERVER_INFO: IDENTITY}}


def answer(revision: Revision, message: Mapping[str, Any], offer: Offer | None = None) -> dict[str, Any]:
    """Return the answer to a request of a client of the revision, after the opening."""
    method = message.get("method")
    row = find(method, revision)
    if row is None or method not in _RESULTS:
        return refusal(message, Code.METHOD_NOT_FOUND, "Method not found")
    params = message.get("params")
    result = _RESULTS[method](params if isinstance(params, dict) else {}, offer or usual_offer(revision))
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


def _listed(member: str, pages: Pages, params: Mapping[str, Any]) -> dict[str, Any] | None:
    cursor = params.get("cursor")
    known = dict(zip((None, *CURSORS), pages, strict=False))
    if not isinstance(cursor, str | None) or cursor not in known:
        return None
    number = list(known).index(cursor)
    following = {"nextCursor": CURSORS[number]} if number + 1 < len(known) else {}
    return {member: list(known[cursor])} | following


def _named(
    pages: Pages, member: str, params: Mapping[str, Any], give: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> dict[str, Any] | None:
    known = [item[member] for page in pages for item in page]
    return give(params) if params.get(member) in known else None


_RESULTS: dict[Any, Callable[[Mapping[str, Any], Offer], dict[str, Any] | None]] = {
    "ping": lambda *_: {},
    "tools/list": lambda params, offer: _listed("tools", offer.tools, params),
    "tools/call": lambda params, offer: _named(offer.tools, "name", params, offer.call),
    "resources/list": lambda params, offer: _listed("resources", offer.resources, params),
    "resources/templates/list": lambda params, offer: _listed("resourceTemplates", offer.templates, params),
    "resources/read": lambda params, offer: _named(offer.resources, "uri", params, offer.read),
    "prompts/list": lambda params, offer: _listed("prompts", offer.prompts, params),
    "prompts/get": lambda params, offer: _named(offer.prompts, "name", params, offer.get),
}
