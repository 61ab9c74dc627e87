"""The HTTP face of a server: a raw ASGI 3 application, both eras on one endpoint.

Runs under any ASGI server, alone or mounted in another application:

    app = MCPApplication(server)            # /mcp, /health, /capabilities, /metrics
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from reference_impl.server.access import ACCESS
from reference_impl.server.channels import ChannelLimits
from reference_impl.server.http.endpoint import Endpoint
from reference_impl.server.http.guards import (
    HttpOptions,
    check_head,
    check_origin,
    refused,
)
from reference_impl.server.http.messages import (
    HttpError,
    HttpRequest,
    Receive,
    Scope,
    Send,
    send_response,
)
from reference_impl.server.http.pages import HEALTH, Pages
from reference_impl.server.http.sessions import SessionStore
from reference_impl.server.http.shares import Shares
from reference_impl.server.http.sse_channel import SseChannels
from reference_impl.server.http.websocket_channel import WebSocketChannels, refuse_upgrade

if TYPE_CHECKING:
    from reference_impl.server.auth import Authenticator, Authorization
    from reference_impl.server.auth.gate import Gate
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["HttpOptions", "MCPApplication"]


def _websocket(server: AdvancedMCPServer, options: HttpOptions) -> WebSocketChannels:
    limits = ChannelLimits(opening=options.opening_timeout)
    return WebSocketChannels(server, largest=options.largest_body, limits=limits, cipher=options.seal)


def _gate(authorization: Authorization | None, path: str) -> Gate | None:
    if authorization is None:
        return None
    from reference_impl.server.auth.gate import Gate

    return Gate(authorization, path)


class MCPApplication:
    """An ASGI application that serves `server` at `path`.

    `authorization` protects it with OAuth, `authenticate` in any other way; with neither, everybody is let in.
    """

    def __init__(
        self,
        server: AdvancedMCPServer,
        path: str = "/mcp",
        *,
        options: HttpOptions | None = None,
        authenticate: Authenticator | None = None,
        authorization: Authorization | None = None,
    ) -> None:
        self.server = server
        self.path = path.rstrip("/") or "/"
        self.options = options or HttpOptions()
        chosen = self.options
        self.sessions = SessionStore(
            server.hub, chosen.session_lifetime, chosen.most_sessions, each=chosen.most_sessions_each
        )
        self._channels = Shares("channels", chosen.most_channels, chosen.most_channels_each)
        self._sse = SseChannels(server) if chosen.http_sse else None
        self._websocket = _websocket(server, chosen) if chosen.websocket else None
        self._authenticate = authenticate
        self._gate = _gate(authorization, self.path)
        self._endpoint = Endpoint(server, chosen, self.sessions, self._channels, self._gate)
        self._asks_who = self._gate is not None or authenticate is not None
        self._pages = Pages(server, chosen, self.path, self._gate, self._asks_who, self._counts, self._endpoints())
        self._stack = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._held = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if not self._held and not self._asks_meanwhile(scope):
            await self._hold()  # mounted applications often see no lifespan
        if scope["type"] == "websocket":
            await self._upgrade(scope, receive, send)
        elif scope["type"] == "http":
            request = HttpRequest.of(scope, receive, send)
            try:
                await self._serve(request, scope)
            except HttpError as error:
                await send_response(send, error.response)
            except OSError:
                return  # the client left in the middle of its own request, or of our answer (ASGI 2.4, `send`)
            finally:
                if self._gate is not None:
                    ACCESS.set(None)  # this task may go on to something else

    def _asks_meanwhile(self, scope: Scope) -> bool:
        """Tell whether somebody asks for the health while the server starts for somebody else."""
        path = scope["path"].removeprefix(scope.get("root_path") or "").rstrip("/")
        return scope["type"] == "http" and self._lock.locked() and path in HEALTH

    async def _hold(self) -> None:
        async with self._lock:
            if not self._held:
                await self._stack.enter_async_context(self.server.running())
                self._held = True
                if self._pages.status == "starting":
                    self._pages.status = "ok"

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        stage = "startup"
        try:
            await receive()
            await self._hold()
            await send({"type": "lifespan.startup.complete"})
            stage = "shutdown"
            await receive()
            self.close()
            await self._stack.aclose()
            await send({"type": "lifespan.shutdown.complete"})
        except Exception as error:  # noqa: BLE001 - ASGI wants any failure of a lifespan told as a message
            await send({"type": f"lifespan.{stage}.failed", "message": str(error)})

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Run for the length of a block: in the lifespan of an application around this one, which sees none itself."""
        await self._hold()
        try:
            yield
        finally:
            self.close()
            await self._stack.aclose()

    def close(self) -> None:
        """End all streams and sessions gracefully; a runner calls it when it begins to shut down."""
        self._pages.status = "stopping"
        self.server.hub.close()
        self.sessions.close()
        for channels in (self._sse, self._websocket):
            if channels is not None:
                channels.close()

    async def _upgrade(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        request = HttpRequest.of({**scope, "method": "GET"}, receive, send)
        try:
            check_head(scope, self.options)
            check_origin(request, scope, self.options)
            request = await self._named(request, scope)
            if self._websocket is None or request.path != self._websocket.path:
                raise refused(404, "Not found")
            with self._channels.held(request):
                await self._websocket.serve(request, scope.get("subprotocols", []))
        except HttpError as error:
            await refuse_upgrade(request, scope, error.response)
        except OSError:
            return  # the client left before the handshake was over
        finally:
            if self._gate is not None:
                ACCESS.set(None)

    async def _named(self, request: HttpRequest, scope: Scope) -> HttpRequest:
        if self._gate is not None:
            return await self._gate.admit(request, scope)
        if self._authenticate is None:
            # The TLS extension of ASGI: set where the server demanded a certificate, and verified it.
            certified = ((scope.get("extensions") or {}).get("tls") or {}).get("client_cert_name")
            return request if certified is None else msgspec.structs.replace(request, principal=certified)
        return msgspec.structs.replace(request, principal=await self._authenticate(request.headers))

    def _serve(self, request: HttpRequest, scope: Scope) -> Awaitable[None]:
        check_head(scope, self.options)
        check_origin(request, scope, self.options)
        if request.path == self.path and not self._asks_who and "extensions" not in scope:
            return self._endpoint.serve(request)  # nobody has to be asked, or waited for
        return self._find(request, scope)

    async def _find(self, request: HttpRequest, scope: Scope) -> None:
        path = request.path.rstrip("/") or "/"
        if self._pages.public(path):
            await self._pages.show(request, path)
            return
        request = await self._named(request, scope)
        if path == self.path:
            await self._endpoint.serve(request)
        elif self._pages.has(path):
            await self._pages.show(request, path)
        elif self._sse is not None and path == self._sse.path:
            with self._channels.held(request):
                await self._sse.listen(request, scope.get("root_path", ""))
        elif self._sse is not None and path == self._sse.messages:
            await self._sse.post(request, scope.get("query_string", b""), self.options.largest_body, self._gate)
        else:
            raise refused(404, "Not found")

    def _counts(self) -> dict[str, int]:
        return {"sessions": len(self.sessions), "channels": len(self._channels)}

    def _endpoints(self) -> dict[str, str]:
        return (
            {"http": self.path}
            | ({} if self._sse is None else {"sse": self._sse.path})
            | ({} if self._websocket is None else {"websocket": self._websocket.path})
        )
