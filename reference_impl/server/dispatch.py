"""From a request to its answer: which handler, which rules of the revision, which error.

This is where any exception of a handler becomes a wire error. Shells decide what carries the answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.lifecycle import SERVER_INFO
from reference_impl.protocol.messages import ErrorResponse, Request, Response, encode
from reference_impl.protocol.methods import Method, find
from reference_impl.protocol.revisions import Revision
from reference_impl.server.access import ACCESS
from reference_impl.server.errors import UNEXPECTED, ToolError, code_of, worth_a_trace
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

_OF_HANDLERS = frozenset({"resources/read", "prompts/get", "completion/complete"})
"""Requests whose exceptions are those of a handler; of a tool's, `tools/call` makes results."""


async def answer(server: AdvancedMCPServer, exchange: Exchange) -> Response | ErrorResponse:
    """Serve one request. Never raises but for cancellation; sends nothing for the request once it has answered."""
    request, revision = exchange.request, exchange.revision
    try:
        row, handler = server.routes.get((request.method, revision.name)) or _route(server, request.method, revision)
        check_scopes(server, request)
        result = await handler(server, exchange, request.params or {})
        if revision.result_type:
            _finish(server, row, result)
    except RemoteProtocolError as error:
        return ErrorResponse(
            request.id, error.code, server.secrets.text(error.message), server.secrets.values(error.data)
        )
    except asyncio.CancelledError as error:
        if exchange.cancelled or _stopping():
            raise
        stray = RuntimeError("a handler ended with the cancellation of something that it awaited")
        stray.__cause__ = error
        return _failed(server, request, stray)
    except Exception as error:  # noqa: BLE001 - where any exception becomes a wire error (design rule 5)
        return _failed(server, request, error)
    finally:
        exchange.open = False
    return Response(request.id, result)


def _stopping() -> bool:
    """Tell whether somebody wants this very task to end; a handler may also meet a cancellation that is not its own."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def _failed(server: AdvancedMCPServer, request: Request, error: Exception) -> ErrorResponse:
    words = server.told(error)
    server.record("record_error", type(error).__name__, request.method, words)
    if isinstance(error, ToolError):
        return ErrorResponse(request.id, Code.INTERNAL_ERROR, words, server.secrets.values(error.facts))
    _logger.warning("%s failed: %s", request.method, words, exc_info=worth_a_trace(error))
    if request.method not in _OF_HANDLERS or words == UNEXPECTED:
        return ErrorResponse(request.id, Code.INTERNAL_ERROR, "Internal error")
    return ErrorResponse(request.id, code_of(error), words)


def _route(server: AdvancedMCPServer, method: str, revision: Revision) -> tuple[Method, Handler]:
    """Return the row and the handler of a method, and remember them. Raises `RemoteProtocolError` (-32601)."""
    row, handler = find(method, revision), HANDLERS.get(method)
    if row is None or handler is None or not _offered(server, row, revision):
        raise method_not_found(method)
    server.routes[method, revision.name] = row, handler
    return row, handler


def method_not_found(method: str) -> RemoteProtocolError:
    """Return the refusal of a method."""
    return RemoteProtocolError(Code.METHOD_NOT_FOUND, f"Method not found: {method}")


def _offered(server: AdvancedMCPServer, row: Method, revision: Revision) -> bool:
    declared: Any = server.capabilities(revision)
    if row.capability is None:
        return row.extension is None or row.extension in declared.get("extensions", ())
    if row.capability == "completions" and not revision.completions_capability:
        return bool(server.completions)
    for step in row.capability.split("."):
        declared = declared.get(step)
        if declared is None or declared is False:
            return False
    return True


def _finish(server: AdvancedMCPServer, row: Method, result: dict[str, Any]) -> None:
    """Make a result a modern one: typed, signed with the server's name, with caching hints where they belong."""
    result.setdefault("resultType", "complete")
    meta = result.get("_meta")
    result["_meta"] = {SERVER_INFO: server.info, **meta} if meta else {SERVER_INFO: server.info}
    if row.caches and result["resultType"] == "complete":
        result.setdefault("ttlMs", server.options.ttl_ms)
        # What one user's token was answered with is for no cache that others share.
        result.setdefault("cacheScope", server.options.cache_scope if ACCESS.get() is None else "private")


def encode_answer(message: Response | ErrorResponse) -> bytes:
    """Encode an answer; one that no JSON can hold (a lone surrogate, an object of a handler's own) becomes an error."""
    try:
        return encode(message)
    except (TypeError, ValueError, RecursionError) as error:
        _logger.warning("an answer could not be encoded: %s", error)
        return encode(ErrorResponse(message.id, Code.INTERNAL_ERROR, "Internal error"))
