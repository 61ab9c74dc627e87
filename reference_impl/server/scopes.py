"""Scopes of tools, resources and prompts: what a request needs, and what a token's scopes reach
(`basic/authorization#scope-challenge-handling`).

Without authorization all of this is one look at a context variable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import Request
from reference_impl.protocol.revisions import Revision
from reference_impl.server.access import ACCESS

if TYPE_CHECKING:
    from reference_impl.server.definitions import Prompt, Resource, Tool
    from reference_impl.server.server import AdvancedMCPServer, Kind

__all__ = ["InsufficientScopeError", "check_scopes", "visible"]


class InsufficientScopeError(RemoteProtocolError):
    """The token lacks a scope. `scopes` are all that the operation needs, those included that the token has."""

    def __init__(self, scopes: frozenset[str]) -> None:
        self.scopes = tuple(sorted(scopes))
        text = f"Insufficient scope: {' '.join(self.scopes)} needed"
        super().__init__(Code.INVALID_REQUEST, text, {"scope": " ".join(self.scopes)})


def check_scopes(server: AdvancedMCPServer, message: object) -> None:
    """Check that the token of the request under way has the scopes that a message needs; only requests need any.

    Raises `InsufficientScopeError`, before any handler runs.
    """
    access = ACCESS.get()
    if access is None or not isinstance(message, Request):
        return
    targets = _targets(server, message)
    if not all(access.scopes.issuperset(item.scopes) for item in targets):
        raise InsufficientScopeError(frozenset(scope for item in targets for scope in item.scopes))


def _targets(server: AdvancedMCPServer, request: Request) -> list[Tool | Resource | Prompt]:
    """Return what a request reaches for; what does not exist is told by others."""
    params = request.params or {}
    found: list[Tool | Resource | Prompt | None] = []
    match request.method:
        case "tools/call":
            found = [server.tools.get(_text(params.get("name")))]
        case "prompts/get":
            found = [server.prompts.get(_text(params.get("name")))]
        case "resources/read" | "resources/subscribe":
            found = [_resource(server, params.get("uri"))]
        case "completion/complete":
            found = [_referred(server, params.get("ref"))]
        case "subscriptions/listen":
            found = [_resource(server, uri) for uri in _uris(params)]
    return [item for item in found if item is not None]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _resource(server: AdvancedMCPServer, uri: Any) -> Resource | None:
    found = server.find_resource(uri) if isinstance(uri, str) else None
    return None if found is None else found[0]


def _referred(server: AdvancedMCPServer, reference: Any) -> Resource | Prompt | None:
    if not isinstance(reference, dict):
        return None
    uri = _text(reference.get("uri"))
    return server.prompts.get(_text(reference.get("name"))) or server.templates.get(uri) or server.resources.get(uri)


def _uris(params: dict[str, Any]) -> list[Any]:
    wanted = params.get("notifications")
    uris = wanted.get("resourceSubscriptions") if isinstance(wanted, dict) else None
    return uris if isinstance(uris, list) else []


def visible(server: AdvancedMCPServer, kind: Kind, revision: Revision) -> list[dict[str, Any]]:
    """Return the definitions of a kind as `revision` writes them: all, or where authorization hides what it refuses,
    those that the token's scopes reach."""
    items = server.listing(kind, revision)
    access = ACCESS.get()
    if access is None or not access.hides:
        return items
    definitions = getattr(server, kind).values()
    return [item for item, one in zip(items, definitions, strict=True) if access.scopes.issuperset(one.scopes)]
