"""The one endpoint of Streamable HTTP: which era a request is of, and which session it belongs to."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.lifecycle import is_modern_request
from reference_impl.protocol.messages import MalformedError, Message, Notification, Request, parse_any
from reference_impl.protocol.revisions import Revision, revision_named
from reference_impl.protocol.streamable import PROTOCOL_VERSION, SESSION_ID
from reference_impl.server.http.guards import HttpOptions, check_media, not_allowed, refused
from reference_impl.server.http.legacy import end_session, serve_batch, serve_get, serve_initialize, serve_message
from reference_impl.server.http.messages import (
    HttpError,
    HttpRequest,
    HttpResponse,
    error_response,
    read_body,
    send_response,
)
from reference_impl.server.http.modern import serve_modern
from reference_impl.server.http.sessions import HttpSession, SessionStore
from reference_impl.server.http.shares import Shares

if TYPE_CHECKING:
    from reference_impl.server.auth.gate import Gate
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["Endpoint"]

_LASTING = "subscriptions/listen"
"""The request whose stream stays open: it counts as a channel."""


class Endpoint:
    """Serves both eras. Subscriptions hold one of `channels`; `gate` refuses what a token does not reach."""

    def __init__(
        self,
        server: AdvancedMCPServer,
        options: HttpOptions,
        sessions: SessionStore,
        channels: Shares,
        gate: Gate | None,
    ) -> None:
        self._server = server
        self._options = options
        self._sessions = sessions
        self._channels = channels
        self._gate = gate

    def serve(self, request: HttpRequest) -> Awaitable[None]:
        """Serve one request; returns what is to be awaited. Raises `HttpError`, now or then."""
        match request.method:
            case "POST":
                return self._post(request)
            case "GET":
                return self._get(request)
            case "DELETE":
                return send_response(request.send, self._delete(request))
        raise not_allowed()

    async def _post(self, request: HttpRequest) -> None:
        check_media(request)
        body = await read_body(request.receive, self._options.largest_body)
        if body is None:
            raise refused(413, "The body is too large")
        try:
            message = parse_any(body)
        except MalformedError as error:
            raise HttpError(error_response(400, error, error.id if error.answerable else None)) from None
        if self._gate is not None:
            self._gate.check(self._server, message)
        if isinstance(message, list):
            self._version(request)
            await _reply(request, serve_batch(self._server, request, self._session(request), message))
        else:
            await self._route(request, message)

    def _route(self, request: HttpRequest, message: Message) -> Awaitable[None]:
        """Find the era of a message: modern if it describes itself, legacy if it opens a session or belongs to one."""
        if isinstance(message, Request):
            if is_modern_request(message.params):
                return (self._hold_open if message.method == _LASTING else self._modern)(request, message)
            if message.method == "initialize":
                self._version(request)
                return _reply(request, serve_initialize(self._server, self._sessions, request, message))
        revision = self._version(request)
        if revision is not None and revision.modern:
            return self._modern_leftover(request, message)
        return serve_message(self._server, request, self._session(request, message), message)

    def _modern(self, request: HttpRequest, message: Request) -> Awaitable[None]:
        return serve_modern(self._server, request, message)

    async def _hold_open(self, request: HttpRequest, message: Request) -> None:
        with self._channels.held(request):
            await self._modern(request, message)

    def _modern_leftover(self, request: HttpRequest, message: Message) -> Awaitable[None]:
        match message:
            case Request():
                return self._modern(request, message)  # its metadata is missing, and it will hear so
            case Notification():
                return send_response(request.send, HttpResponse(202))  # none has a meaning over HTTP
        raise refused(400, "Invalid request: this revision has no requests for clients to answer")

    def _version(self, request: HttpRequest) -> Revision | None:
        header = request.header(PROTOCOL_VERSION)
        revision = revision_named(header)
        if header is not None and revision is None:
            raise refused(400, f"Unsupported MCP-Protocol-Version: {header}")
        return revision

    def _session(self, request: HttpRequest, message: Message | None = None) -> HttpSession:
        identifier = request.header(SESSION_ID)
        asked = message.id if isinstance(message, Request) else None
        if identifier is None:
            text = (
                "Invalid params: neither does params._meta describe the request, nor does Mcp-Session-Id name a session"
            )
            raise HttpError(error_response(400, RemoteProtocolError(Code.INVALID_PARAMS, text), asked))
        session = self._sessions.get(identifier, request.principal)
        if session is None:
            error = RemoteProtocolError(Code.INVALID_REQUEST, "Session not found: initialize anew")
            raise HttpError(error_response(404, error, asked))
        return session

    async def _get(self, request: HttpRequest) -> None:
        revision = self._version(request)
        if (revision is not None and revision.modern) or (revision is None and request.header(SESSION_ID) is None):
            raise not_allowed()
        await serve_get(request, self._session(request), self._options.most_streams)

    def _delete(self, request: HttpRequest) -> HttpResponse:
        revision = self._version(request)
        if revision is not None and revision.modern:
            raise not_allowed()
        return end_session(self._sessions, self._session(request))


async def _reply(request: HttpRequest, response: Awaitable[HttpResponse]) -> None:
    await send_response(request.send, await response)
