"""The HTTP face of a server: a raw ASGI 3 application, both eras on one endpoint.

Runs under any ASGI server, alone or mounted in another application:

    app = MCPApplication(server)            # /mcp, /health, /capabilities
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.lifecycle import is_modern_request
from reference_impl.protocol.messages import (
    MalformedError,
    Message,
    Notification,
    Request,
    decode_json,
    encode_json,
    parse_value,
)
from reference_impl.protocol.revisions import LATEST, Revision, revision_named
from reference_impl.protocol.streamable import (
    JSON_TYPE,
    PROTOCOL_VERSION,
    SESSION_ID,
    SSE_TYPE,
    accepts,
    host_allowed,
    media_type,
    origin_allowed,
)
from reference_impl.server.http.legacy import end_session, serve_batch, serve_get, serve_initialize, serve_message
from reference_impl.server.http.messages import (
    HttpError,
    HttpRequest,
    HttpResponse,
    Receive,
    Scope,
    Send,
    error_response,
    json_response,
    read_body,
    send_response,
)
from reference_impl.server.http.modern import serve_modern
from reference_impl.server.http.sessions import HttpSession, SessionStore

if TYPE_CHECKING:
    from reference_impl.server.auth import Authenticator
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["HttpOptions", "MCPApplication"]

_LOOPBACK = ("127.", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How the endpoint is guarded and bounded.

    `allowed_hosts` and `allowed_origins` come on top of this machine's loopback names; a server that is not bound to
    loopback checks Host only if hosts are listed. `largest_body` is in bytes, `session_lifetime` in seconds after
    last use.
    """

    allowed_hosts: frozenset[str] = frozenset()
    allowed_origins: frozenset[str] = frozenset()
    largest_body: int = 16 * 1024 * 1024
    session_lifetime: float = 1800
    most_sessions: int = 10_000


class MCPApplication:
    """An ASGI application that serves `server` at `path`."""

    def __init__(
        self,
        server: AdvancedMCPServer,
        path: str = "/mcp",
        *,
        options: HttpOptions | None = None,
        authenticate: Authenticator | None = None,
    ) -> None:
        self.server = server
        self.path = path.rstrip("/") or "/"
        self.options = options or HttpOptions()
        self.sessions = SessionStore(server.hub, self.options.session_lifetime, self.options.most_sessions)
        self._authenticate = authenticate
        self._started = time.monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            request = HttpRequest.of(scope, receive, send)
            try:
                await self._serve(request, scope)
            except HttpError as error:
                await send_response(send, error.response)
            except ConnectionError:
                return  # the client left in the middle of its own request

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self.server.running():
                await send({"type": "lifespan.startup.complete"})
                await receive()
                self.close()
        except Exception as error:  # noqa: BLE001 - ASGI wants any failure of a lifespan told as a message
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.shutdown.complete"})

    def close(self) -> None:
        """End all streams and sessions gracefully; a runner calls it when it begins to shut down."""
        self.server.hub.close()
        self.sessions.close()

    async def _serve(self, request: HttpRequest, scope: Scope) -> None:
        self._check_origin(request, scope)
        path = request.path.rstrip("/") or "/"
        if path != self.path:
            await send_response(request.send, self._other(request, path))
            return
        if self._authenticate is not None:
            request = msgspec.structs.replace(request, principal=await self._authenticate(request.headers))
        match request.method:
            case "POST":
                await self._post(request)
            case "GET":
                await self._get(request)
            case "DELETE":
                await send_response(request.send, self._delete(request))
            case _:
                raise _not_allowed()

    def _check_origin(self, request: HttpRequest, scope: Scope) -> None:
        """Guard against DNS rebinding (`#security-endpoint`)."""
        host, origin = request.headers.get("host"), request.headers.get("origin")
        bound = (scope.get("server") or ("",))[0] or ""
        guarded = bool(self.options.allowed_hosts) or bound.startswith(_LOOPBACK)
        if guarded and not host_allowed(host, self.options.allowed_hosts):
            raise _refused(403, "Forbidden: this server does not go by that Host")
        if not origin_allowed(origin, host, self.options.allowed_origins):
            raise _refused(403, "Forbidden: Origin is not allowed")

    def _other(self, request: HttpRequest, path: str) -> HttpResponse:
        if path not in ("/health", "/capabilities"):
            return error_response(404, RemoteProtocolError(Code.INVALID_REQUEST, "Not found"))
        if request.method not in ("GET", "HEAD"):
            return error_response(
                405, RemoteProtocolError(Code.INVALID_REQUEST, "Method not allowed"), headers={"allow": "GET"}
            )
        return json_response(encode_json(self._health() if path == "/health" else self._capabilities()))

    def _health(self) -> dict[str, Any]:
        uptime = round(time.monotonic() - self._started, 3)
        return {"status": "ok", "uptimeSeconds": uptime, "sessions": len(self.sessions)}

    def _capabilities(self) -> dict[str, Any]:
        server = self.server
        return {
            "serverInfo": server.info,
            "supportedVersions": server.supported_versions,
            "capabilities": server.capabilities(LATEST),
        }

    async def _post(self, request: HttpRequest) -> None:
        self._check_media(request)
        body = await read_body(request.receive, self.options.largest_body)
        if body is None:
            raise _refused(413, "The body is too large")
        try:
            value = decode_json(body)
            if isinstance(value, list):
                session = self._session(request)
                await send_response(request.send, await serve_batch(self.server, session, value))
                return
            message = parse_value(value)
        except MalformedError as error:
            raise HttpError(error_response(400, error, error.id if error.answerable else None)) from None
        await self._route(request, message)

    def _check_media(self, request: HttpRequest) -> None:
        kind = request.headers.get("content-type")
        if kind is not None and media_type(kind) != JSON_TYPE:
            raise _refused(415, "Unsupported media type: send application/json")
        accept = request.headers.get("accept")
        if not accepts(accept, JSON_TYPE) and not accepts(accept, SSE_TYPE):
            raise _refused(406, "Not acceptable: answers are application/json or text/event-stream")

    async def _route(self, request: HttpRequest, message: Message) -> None:
        """Find the era of a message: modern if it describes itself, legacy if it opens a session or belongs to one."""
        if isinstance(message, Request):
            if is_modern_request(message.params):
                await serve_modern(self.server, request, message)
                return
            if message.method == "initialize":
                self._version(request)
                await send_response(request.send, await serve_initialize(self.server, self.sessions, request, message))
                return
        revision = self._version(request)
        if revision is not None and revision.modern:
            await self._modern_leftover(request, message)
            return
        await serve_message(self.server, request, self._session(request, message), message)

    async def _modern_leftover(self, request: HttpRequest, message: Message) -> None:
        match message:
            case Request():
                await serve_modern(self.server, request, message)  # its metadata is missing, and it will hear so
            case Notification():
                await send_response(request.send, HttpResponse(202))  # none has a meaning over HTTP
            case _:
                raise _refused(400, "Invalid request: this revision has no requests for clients to answer")

    def _version(self, request: HttpRequest) -> Revision | None:
        header = request.headers.get(PROTOCOL_VERSION)
        revision = revision_named(header)
        if header is not None and revision is None:
            raise _refused(400, f"Unsupported MCP-Protocol-Version: {header}")
        return revision

    def _session(self, request: HttpRequest, message: Message | None = None) -> HttpSession:
        identifier = request.headers.get(SESSION_ID)
        asked = message.id if isinstance(message, Request) else None
        if identifier is None:
            text = (
                "Invalid params: neither does params._meta describe the request, nor does Mcp-Session-Id name a session"
            )
            raise HttpError(error_response(400, RemoteProtocolError(Code.INVALID_PARAMS, text), asked))
        session = self.sessions.get(identifier, request.principal)
        if session is None:
            error = RemoteProtocolError(Code.INVALID_REQUEST, "Session not found: initialize anew")
            raise HttpError(error_response(404, error, asked))
        return session

    async def _get(self, request: HttpRequest) -> None:
        revision = self._version(request)
        if (revision is not None and revision.modern) or (revision is None and SESSION_ID not in request.headers):
            raise _not_allowed()
        await serve_get(request, self._session(request))

    def _delete(self, request: HttpRequest) -> HttpResponse:
        revision = self._version(request)
        if revision is not None and revision.modern:
            raise _not_allowed()
        return end_session(self.sessions, self._session(request))


def _refused(status: int, message: str) -> HttpError:
    return HttpError(error_response(status, RemoteProtocolError(Code.INVALID_REQUEST, message)))


def _not_allowed() -> HttpError:
    error = RemoteProtocolError(Code.INVALID_REQUEST, "Method not allowed")
    return HttpError(error_response(405, error, headers={"allow": "POST, GET, DELETE"}))
