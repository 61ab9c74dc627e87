"""From a request to its answer: which handler, which rules of the revision, which error.

This is where any exception of a handler becomes a wire error. Shells decide what carries the answer.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.lifecycle import SERVER_INFO
from reference_impl.protocol.messages import ErrorResponse, Response, encode
from reference_impl.protocol.methods import Method, find
from reference_impl.server.access import ACCESS
from reference_impl.server.errors import ToolError, describe_error
from reference_impl.server.exchange import Exchange
from reference_impl.server.features import completion, lifecycle, prompts, resources, tasks, tools
from reference_impl.server.features import logging as logs
from reference_impl.server.scopes import check_scopes
from reference_impl.server.subscriptions import listen

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["answer", "encode_answer"]

_logger = logging.getLogger("reference_impl.server")

Handler = Callable[["AdvancedMCPServer", Exchange, dict[str, Any]], Awaitable[dict[str, Any]]]

HANDLERS: dict[str, Handler] = {
    "initialize": lifecycle.initialize,
    "ping": lifecycle.ping,
    "server/discover": lifecycle.discover,
    "tools/list": tools.list_tools,
    "tools/call": tools.call_tool,
    "resources/list": resources.list_resources,
    "resources/templates/list": resources.list_templates,
    "resources/read": resources.read_resource,
    "resources/subscribe": resources.subscribe,
    "resources/unsubscribe": resources.unsubscribe,
    "prompts/list": prompts.list_prompts,
    "prompts/get": prompts.get_prompt,
    "completion/complete": completion.complete,
    "logging/setLevel": logs.set_level,
    "subscriptions/listen": listen,
    "tasks/get": tasks.get_task,
    "tasks/result": tasks.task_result,
    "tasks/list": tasks.list_tasks,
    "tasks/update": tasks.update_task,
    "tasks/cancel": tasks.cancel_task,
}
"""Every request of a client to its handler."""


async def answer(server: AdvancedMCPServer, exchange: Exchange) -> Response | ErrorResponse:
    """Serve one request. Never raises but for cancellation; sends nothing for the request once it has answered."""
    request = exchange.request
    try:
        result = await _serve(server, exchange)
    except RemoteProtocolError as error:
        return ErrorResponse(request.id, error.code, error.message, error.data)
    except Exception as error:  # noqa: BLE001 - where any exception becomes a wire error (design rule 5)
        server.record("record_error", error, {"method": request.method})
        return ErrorResponse(request.id, Code.INTERNAL_ERROR, _told(error, request.method))
    finally:
        exchange.open = False
    return Response(request.id, result)


def _told(error: Exception, method: str) -> str:
    if isinstance(error, ToolError | PermissionError):
        return describe_error(error)
    _logger.warning("%s failed", method, exc_info=error)
    return "Internal error"


async def _serve(server: AdvancedMCPServer, exchange: Exchange) -> dict[str, Any]:
    request = exchange.request
    row = find(request.method, exchange.revision)
    handler = HANDLERS.get(request.method)
    if row is None or handler is None or not _offered(server, row, exchange):
        raise method_not_found(request.method)
    check_scopes(server, request)
    result = await handler(server, exchange, request.params or {})
    return _finished(server, row, result) if exchange.revision.result_type else result


def method_not_found(method: str) -> RemoteProtocolError:
    """Return the refusal of a method."""
    return RemoteProtocolError(Code.METHOD_NOT_FOUND, f"Method not found: {method}")


def _offered(server: AdvancedMCPServer, row: Method, exchange: Exchange) -> bool:
    if row.capability is None:
        return row.extension is None or row.extension in server.capabilities(exchange.revision).get("extensions", ())
    declared: Any = server.capabilities(exchange.revision)
    if row.capability == "completions" and not exchange.revision.completions_capability:
        return bool(server.completions)
    for step in row.capability.split("."):
        declared = declared.get(step)
        if declared is None or declared is False:
            return False
    return True


def _finished(server: AdvancedMCPServer, row: Method, result: dict[str, Any]) -> dict[str, Any]:
    """Return a modern result: typed, signed with the server's name, with caching hints where they belong."""
    result.setdefault("resultType", "complete")
    meta = result.get("_meta")
    result["_meta"] = {SERVER_INFO: server.info, **meta} if meta else {SERVER_INFO: server.info}
    if row.caches and result["resultType"] == "complete":
        result.setdefault("ttlMs", server.options.ttl_ms)
        # What one user's token was answered with is for no cache that others share.
        result.setdefault("cacheScope", server.options.cache_scope if ACCESS.get() is None else "private")
    return result


def encode_answer(message: Response | ErrorResponse) -> bytes:
    """Encode an answer; one that no JSON can hold (a lone surrogate, an object of a handler's own) becomes an error."""
    try:
        return encode(message)
    except (TypeError, ValueError, RecursionError) as error:
        _logger.warning("an answer could not be encoded: %s", error)
        return encode(ErrorResponse(message.id, Code.INTERNAL_ERROR, "Internal error"))
