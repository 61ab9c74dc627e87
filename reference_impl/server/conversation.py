"""Rules that every shell shares: which era a request is of, how it runs, what the client's notifications do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reference_impl.protocol.calls import Calls
from reference_impl.protocol.errors import Code, LocalProtocolError, RemoteProtocolError
from reference_impl.protocol.lifecycle import RequestMeta, is_modern_request, read_request_meta, unsupported_version
from reference_impl.protocol.messages import ErrorResponse, Notification, Request, Response
from reference_impl.protocol.revisions import REVISIONS, revision_named
from reference_impl.server.dispatch import answer
from reference_impl.server.exchange import Exchange, Send, Session

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["Reply", "check_batch", "modern_exchange", "notified", "open_exchange", "register", "served", "start"]

_logger = logging.getLogger("reference_impl.server")

Reply = Callable[[Response | ErrorResponse], None]

MOST_IN_BATCH = 1000
"""Messages of one batch: each may need an answer that is longer than itself."""


def open_exchange(request: Request, session: Session) -> Exchange:
    """Return the exchange that serves `request` on a channel where both eras may meet.

    A request that describes itself is modern. `initialize` opens the session, and only `ping` may come before it
    (`basic/lifecycle#initialization`). Raises `RemoteProtocolError`.
    """
    if is_modern_request(request.params):
        return modern_exchange(request, read_request_meta(request.params), session.send, session.principal)
    if session.opened or request.method in ("initialize", "ping"):
        return Exchange.legacy(request, session, session.send)
    text = "Invalid params: neither does params._meta describe the request, nor has initialize opened a session"
    raise RemoteProtocolError(Code.INVALID_PARAMS, text)


def check_batch(values: list[Any], session: Session) -> None:
    """Check that a JSON-RPC batch may be served, which only 2025-03-26 has (`basic/index#batching` there).

    Raises `RemoteProtocolError` (-32600).
    """
    if not (session.opened and session.revision.batching):
        raise RemoteProtocolError(Code.INVALID_REQUEST, "Invalid request: this revision has no batches")
    if not 0 < len(values) <= MOST_IN_BATCH:
        text = f"Invalid request: a batch holds 1 to {MOST_IN_BATCH} messages"
        raise RemoteProtocolError(Code.INVALID_REQUEST, text)


def modern_exchange(request: Request, meta: RequestMeta, send: Send, principal: str | None) -> Exchange:
    """Return the exchange of a request that describes itself.

    Raises `RemoteProtocolError` if it names a version that is not served this way.
    """
    revision = revision_named(meta.version)
    if revision is None or not revision.modern:
        raise unsupported_version(meta.version, reversed(REVISIONS))
    return Exchange(
        request,
        revision,
        meta.capabilities,
        send,
        meta.client_info,
        meta.log_level,
        meta.progress_token,
        principal=principal,
    )


def register(exchange: Exchange, running: Calls[Exchange]) -> None:
    """Note that a request is being served.

    Raises `RemoteProtocolError` (-32600) if another one with the same id still is (`basic/index#requests`).
    """
    try:
        running.open(exchange.request.id, exchange)
    except LocalProtocolError as error:
        raise RemoteProtocolError(Code.INVALID_REQUEST, f"Invalid request: {error}") from None


async def served(
    server: AdvancedMCPServer, exchange: Exchange, running: Calls[Exchange]
) -> Response | ErrorResponse | None:
    """Serve a registered request. Returns its answer, or None if it was cancelled."""
    message = await answer(server, exchange)
    if exchange.cancelled:
        return None
    running.close(exchange.request.id)
    return message


def start(
    server: AdvancedMCPServer, exchange: Exchange, running: Calls[Exchange], reply: Reply, *, batched: bool = False
) -> asyncio.Task[None] | None:
    """Serve a request in a task of its own; `reply` gets the answer unless the request is cancelled.

    `initialize` is served at once and needs no task: what follows it on the channel, however soon, finds the session
    open. It cannot be part of a batch. Raises `RemoteProtocolError` as `register` does.
    """
    initializes = exchange.request.method == "initialize"
    if initializes and batched:
        raise RemoteProtocolError(Code.INVALID_REQUEST, "Invalid request: initialize must stand alone")
    register(exchange, running)
    serving = _serve(server, exchange, running, reply)
    if initializes:
        with contextlib.suppress(StopIteration):
            serving.send(None)
        return None
    exchange.task = asyncio.get_running_loop().create_task(serving)
    return exchange.task


async def _serve(server: AdvancedMCPServer, exchange: Exchange, running: Calls[Exchange], reply: Reply) -> None:
    message = await served(server, exchange, running)
    if message is not None:
        reply(message)


def notified(session: Session, notification: Notification) -> None:
    """Take a notification of the client; one that is unknown or malformed is ignored."""
    match notification:
        case Notification("notifications/initialized"):
            session.initialized = session.opened
        case Notification("notifications/roots/list_changed"):
            session.roots_changed()
        case Notification("notifications/cancelled", {"requestId": identifier, **more}):
            _logger.debug("the client cancels %.100r: %.300r", identifier, more.get("reason"))
            session.cancel(identifier)
