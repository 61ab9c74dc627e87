"""A conversation over a WebSocket: one JSON message a text frame, both ways, both eras.

Not a transport of the specification; a custom one (`basic/transports#custom-transports`), under the subprotocol `mcp`.
Pings, the size of frames and fragments are the ASGI server's; `uvicorn_runner` sets them.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from reference_impl.protocol.websocket_frames import (
    LARGEST_MESSAGE,
    CloseCode,
    FrameError,
    choose_subprotocol,
)
from reference_impl.server.access import at_end_of_token
from reference_impl.server.channels import DEFAULT_LIMITS, ChannelLimits, ServedChannel
from reference_impl.server.http.guards import refused
from reference_impl.server.http.messages import HttpRequest, HttpResponse, Scope
from reference_impl.transports.sealed import SealBroken, seal

if TYPE_CHECKING:
    from reference_impl.protocol.sealing import Cipher
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["WebSocketChannels", "refuse_upgrade"]

_logger = logging.getLogger(__name__)
_FAREWELL = 2.0
"""Seconds that the close frame may take to leave."""


class WebSocketChannels:
    """All open conversations of this transport. With `cipher`, clients have to seal their messages."""

    def __init__(
        self,
        server: AdvancedMCPServer,
        path: str = "/ws",
        *,
        largest: int = LARGEST_MESSAGE,
        limits: ChannelLimits = DEFAULT_LIMITS,
        cipher: Cipher | None = None,
    ) -> None:
        self.path = path
        self._server = server
        self._largest = largest
        self._limits = limits
        self._cipher = cipher
        self._open: set[ServedChannel] = set()
        self._closing = False

    async def serve(self, request: HttpRequest, offered: list[str]) -> None:
        """Serve one client until either side closes the socket. `offered` are the subprotocols that it speaks.

        Raises `HttpError` (400) where it speaks none that is spoken here; nothing has been accepted then.
        """
        try:
            chosen = choose_subprotocol(offered)
        except FrameError as error:
            raise refused(400, f"Bad request: {error.message}") from None
        await request.send({"type": "websocket.accept", "subprotocol": chosen})
        socket = _Socket(request, self._largest)
        try:
            await self._converse(socket, request)
            await socket.close(CloseCode.GOING_AWAY if self._closing else CloseCode.NORMAL)
        except FrameError as error:
            await socket.close(error.close_code, error.message)
        except SealBroken as error:
            _logger.warning("a client was refused: %s", error)
            await socket.close(CloseCode.POLICY, str(error))
        except anyio.BrokenResourceError:
            return  # the client has gone

    async def _converse(self, socket: _Socket, request: HttpRequest) -> None:
        try:
            channel = socket if self._cipher is None else await seal(socket, self._cipher, "server")
        except anyio.EndOfStream:
            return
        served = ServedChannel(self._server, channel, request.principal, self._limits)
        self._open.add(served)
        try:
            if self._closing:
                served.close()
            with at_end_of_token(served.close):
                await served.run()
        finally:
            self._open.discard(served)

    def close(self) -> None:
        """Close all sockets after what is still to be sent."""
        self._closing = True
        for served in self._open:
            served.close()


class _Socket:
    """An accepted WebSocket of ASGI as a message channel."""

    def __init__(self, request: HttpRequest, largest: int) -> None:
        self._request = request
        self._largest = largest
        self._gone = False

    async def send(self, message: bytes) -> None:
        """Send one message as a text frame. Raises `anyio.BrokenResourceError` if the client has gone."""
        try:
            await self._request.send({"type": "websocket.send", "text": message.decode()})
        except OSError:
            self._gone = True
            raise anyio.BrokenResourceError from None

    async def receive(self) -> bytes:
        """Return the next message. Raises `anyio.EndOfStream`, and `FrameError` for a frame that is no message."""
        event = await self._request.receive()
        if event["type"] != "websocket.receive":
            self._gone = True
            raise anyio.EndOfStream
        text = event.get("text")
        if text is None:
            raise FrameError(CloseCode.UNSUPPORTED_DATA, "messages are text frames")
        data: bytes = text.encode()
        if len(data) > self._largest:
            raise FrameError(CloseCode.TOO_BIG, f"a message is longer than {self._largest} bytes")
        return data

    async def close(self, code: int, reason: str = "") -> None:
        """Close the socket, unless the client has."""
        if not self._gone:
            self._gone = True
            # 123 bytes are what a close frame holds (RFC 6455, section 5.5); ours are ASCII. A client that does not
            # read would keep the server from sending it.
            with anyio.move_on_after(_FAREWELL), suppress(OSError):
                await self._request.send({"type": "websocket.close", "code": int(code), "reason": reason[:123]})

    async def aclose(self) -> None:
        """Close normally."""
        await self.close(CloseCode.NORMAL)


async def refuse_upgrade(request: HttpRequest, scope: Scope, response: HttpResponse) -> None:
    """Refuse a handshake: with an HTTP response where the ASGI server can send one, else as it sees fit."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await request.send({"type": "websocket.close", "code": int(CloseCode.POLICY)})
        return
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers.append((b"content-type", response.content_type.encode("latin-1")))
    await request.send({"type": "websocket.http.response.start", "status": response.status, "headers": headers})
    await request.send({"type": "websocket.http.response.body", "body": response.body})
