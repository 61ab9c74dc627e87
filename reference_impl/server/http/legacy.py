"""POST, GET and DELETE in the legacy era: sessions, batches, streams that outlive their connection
(`basic/transports` of 2025-03-26 to 2025-11-25)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import (
    ErrorResponse,
    MalformedError,
    Message,
    Notification,
    Request,
    Response,
    parse_value,
)
from reference_impl.protocol.streamable import LAST_EVENT_ID, SESSION_ID, SSE_TYPE, accepts
from reference_impl.server.access import at_end_of_token
from reference_impl.server.conversation import check_batch, notified, register, served, start
from reference_impl.server.dispatch import encode_answer
from reference_impl.server.exchange import Exchange
from reference_impl.server.http.messages import (
    HttpRequest,
    HttpResponse,
    error_response,
    json_response,
    send_response,
    until_disconnected,
)
from reference_impl.server.http.posts import Post
from reference_impl.server.http.sessions import HttpSession, SessionStore
from reference_impl.server.http.shares import owner_of
from reference_impl.server.http.streams import serve_stream_events, watch

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["end_session", "serve_batch", "serve_get", "serve_initialize", "serve_message"]

MOST_RUNNING = 1000
"""Requests of one session that are served at a time: clients may leave, and theirs go on."""


async def serve_initialize(
    server: AdvancedMCPServer, store: SessionStore, http: HttpRequest, request: Request
) -> HttpResponse:
    """Open a session."""
    session = store.create(http.principal)
    answers: list[Response | ErrorResponse] = []
    exchange = Exchange.legacy(request, session.session, session.session.send)
    start(server, exchange, session.session.running, answers.append)
    if isinstance(answers[0], ErrorResponse):
        return json_response(encode_answer(answers[0]), 400)
    if not store.add(session, owner_of(http)):
        error = RemoteProtocolError(Code.INTERNAL_ERROR, "Too many sessions")
        return error_response(503, error, request.id, {"retry-after": "5"})
    return json_response(encode_answer(answers[0]), 200, {SESSION_ID: session.id})


def serve_message(
    server: AdvancedMCPServer, http: HttpRequest, session: HttpSession, message: Message
) -> Awaitable[None]:
    """Serve one message in a session; returns what is to be awaited."""
    if isinstance(message, Request):
        return _serve_request(server, http, session, message)
    _take(session, message)
    return send_response(http.send, HttpResponse(202))


def _take(session: HttpSession, message: Notification | Response | ErrorResponse) -> None:
    if isinstance(message, Notification):
        notified(session.session, message)
    else:
        session.session.answered(message)


def _serve_request(
    server: AdvancedMCPServer, http: HttpRequest, session: HttpSession, request: Request
) -> Awaitable[None]:
    conversation = session.session
    if len(conversation.running) >= MOST_RUNNING:
        return send_response(http.send, error_response(429, _too_many(), request.id, {"retry-after": "5"}))
    post = Post(http, session.new_stream, on_stream=session.keep, elsewhere=conversation.send)
    exchange = Exchange.legacy(request, conversation, post.send)
    if conversation.revision.primes_streams and post.streams:
        exchange.close_stream = post.interrupt
    try:
        register(exchange, conversation.running)
    except RemoteProtocolError as error:
        return send_response(http.send, error_response(400, error, request.id))
    return post.respond(exchange, served(server, exchange, conversation.running))


def _too_many() -> RemoteProtocolError:
    text = f"Too many requests: {MOST_RUNNING} of this session are being served"
    return RemoteProtocolError(Code.INTERNAL_ERROR, text)


async def serve_batch(
    server: AdvancedMCPServer, http: HttpRequest, session: HttpSession, values: list[Any]
) -> HttpResponse:
    """Serve a batch, which only 2025-03-26 has; messages that its requests send go to the GET stream.

    Raises `ConnectionError` if the client leaves; its requests go on, for leaving cancels nothing in this era.
    """
    try:
        check_batch(values, session.session)
    except RemoteProtocolError as error:
        return error_response(400, error)
    answers: list[Response | ErrorResponse] = []
    tasks = [task for value in values if (task := _start_member(server, session, value, answers)) is not None]
    if tasks:
        await _all_done(http, tasks)
    if not answers:
        return HttpResponse(202)
    return json_response(b"[" + b",".join(map(encode_answer, answers)) + b"]")


async def _all_done(http: HttpRequest, tasks: list[asyncio.Task[None]]) -> None:
    gone = asyncio.ensure_future(until_disconnected(http.receive))
    done = asyncio.ensure_future(asyncio.wait(tasks))
    try:
        await asyncio.wait({gone, done}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            raise ConnectionError("the client went away")
    finally:
        gone.cancel()
        done.cancel()


def _start_member(
    server: AdvancedMCPServer, session: HttpSession, value: Any, answers: list[Response | ErrorResponse]
) -> asyncio.Task[None] | None:
    try:
        message = parse_value(value)
    except MalformedError as error:
        if error.answerable:
            answers.append(ErrorResponse(error.id, error.code, error.message))
        return None
    if not isinstance(message, Request):
        _take(session, message)
        return None
    exchange = Exchange.legacy(message, session.session, session.aside)
    try:
        if len(session.session.running) >= MOST_RUNNING:
            raise _too_many()
        return start(server, exchange, session.session.running, answers.append, batched=True)
    except RemoteProtocolError as error:
        answers.append(ErrorResponse(message.id, error.code, error.message))
        return None


async def serve_get(http: HttpRequest, session: HttpSession, most_streams: int = 16) -> None:
    """Open a stream for what belongs to no request, or resume a broken one; at most so many in one session.

    An id that nothing is known of is ignored, but not one of a stream that answered a request: its client would wait
    on another for an answer that does not come (`basic/transports#resumability-and-redelivery`). That gets 400, for
    404 would tell it that its session is over.
    """
    if not accepts(http.header("accept"), SSE_TYPE):
        error = RemoteProtocolError(Code.INVALID_REQUEST, "Not acceptable: this is an event stream")
        await send_response(http.send, error_response(406, error))
        return
    try:
        resumed = session.resume(http.header(LAST_EVENT_ID) or "")
    except RemoteProtocolError as unknown:
        await send_response(http.send, error_response(400, unknown))
        return
    if resumed is None and session.listening >= most_streams:
        error = RemoteProtocolError(Code.INVALID_REQUEST, "Too many streams: this session has enough of them open")
        await send_response(http.send, error_response(429, error, headers={"retry-after": "5"}))
        return
    stream, position = resumed or (session.new_stream(general=True), 0)
    session.keep(stream)
    if stream.general:
        session.open_get(stream)
    gone = watch(http, stream)
    try:
        with at_end_of_token(stream.interrupt):
            await serve_stream_events(http, stream, position, gone)
    finally:
        gone.cancel()
        session.close_get(stream)


def end_session(store: SessionStore, session: HttpSession) -> HttpResponse:
    """End a session at the client's wish."""
    store.end(session)
    return HttpResponse(204)
