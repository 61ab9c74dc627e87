"""Resources: lists, templates, reading, and the subscriptions of the legacy era (`server/resources`)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.server.access import ACCESS
from reference_impl.server.content import resource_contents
from reference_impl.server.context import Context
from reference_impl.server.definitions import Resource
from reference_impl.server.errors import ResourceNotFoundError
from reference_impl.server.exchange import Exchange
from reference_impl.server.inputs import InputRequired, Inputs
from reference_impl.server.middleware import Invocation
from reference_impl.server.pagination import page
from reference_impl.server.scopes import visible
from reference_impl.server.subscriptions import MOST_SUBSCRIPTIONS

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["list_resources", "list_templates", "read_resource", "subscribe", "unsubscribe"]


async def list_resources(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Return one page of resources."""
    items = visible(server, "resources", exchange.revision)
    if server.find_more is not None:
        items = [*items, *await server.find_more()]
    result = page("resources/list", items, params, server.page_size("resources/list"))
    if server.find_more is not None and exchange.revision.caching_hints:
        result["ttlMs"] = 0
    return result


async def list_templates(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Return one page of resource templates."""
    items = visible(server, "templates", exchange.revision)
    return page("resources/templates/list", items, params, server.page_size("resources/templates/list"))


async def read_resource(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Read a resource; one that does not exist is an error in every revision, never an empty result."""
    uri = _uri(params)
    resource, variables = _find(server, exchange, uri)
    inputs = Inputs.of(exchange, server.seal)
    context = Context(server, exchange, inputs)
    started = time.perf_counter()
    try:
        body = await server.invoke(Invocation("resource", uri, resource, variables, context))
    except InputRequired as required:
        return inputs.result(required, exchange, server.seal)
    except Exception as error:
        _record(server, resource, started, success=False)
        if isinstance(error, ResourceNotFoundError | FileNotFoundError):
            raise _not_found(exchange, uri) from None
        raise
    _record(server, resource, started, success=True)
    contents = body if isinstance(body, list) else [resource_contents(uri, body, resource.mime_type)]
    if not exchange.revision.caching_hints:
        return {"contents": contents}
    if "inputResponses" in params or "requestState" in params:
        # What depends on the answers of one user is nobody else's, and not cacheable (`server/utilities/caching`).
        return {"contents": contents, "ttlMs": 0, "cacheScope": "private"}
    hints = dict(resource.hints)
    if ACCESS.get() is not None:
        hints.pop("cacheScope", None)  # what a token was needed for is private, whatever its author thought
    return {"contents": contents, **hints}


def _record(server: AdvancedMCPServer, resource: Resource, started: float, *, success: bool) -> None:
    server.record("record_resource_access", resource.uri, time.perf_counter() - started, success)


async def subscribe(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Send `notifications/resources/updated` for this URI from now on."""
    uri = _uri(params)
    _find(server, exchange, uri)
    if exchange.session is not None:
        subscriptions = exchange.session.subscriptions
        if uri not in subscriptions and len(subscriptions) >= MOST_SUBSCRIPTIONS:
            raise RemoteProtocolError(Code.INVALID_REQUEST, f"Too many subscriptions: {MOST_SUBSCRIPTIONS} at the most")
        await server.hub.subscribed((uri,))
        subscriptions.add(uri)
    return {}


async def unsubscribe(_server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Stop it; a URI that was never subscribed to is no error."""
    uri = _uri(params)
    if exchange.session is not None:
        exchange.session.subscriptions.discard(uri)
    return {}


def _uri(params: dict[str, Any]) -> str:
    uri = params.get("uri")
    if not isinstance(uri, str):
        raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: uri must be a string")
    return uri


def _find(server: AdvancedMCPServer, exchange: Exchange, uri: str) -> tuple[Resource, dict[str, Any]]:
    found = server.find_resource(uri)
    if found is None:
        raise _not_found(exchange, uri)
    return found


def _not_found(exchange: Exchange, uri: str) -> RemoteProtocolError:
    return RemoteProtocolError(exchange.revision.resource_not_found, f"Resource not found: {uri}", {"uri": uri})
