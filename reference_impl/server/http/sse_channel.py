"""HTTP with SSE, the transport of 2024-11-05: one event stream to the client, one address for its messages.

Deprecated since 2025-03-26 and offered only on request (`HttpOptions.http_sse`); kept because clients of it live on.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import anyio

from reference_impl.protocol.sse import COMMENT, encode_event
from reference_impl.protocol.websocket_frames import FrameError
from reference_impl.server.access import at_end_of_token
from reference_impl.server.channels import ChannelLimits, ServedChannel
from reference_impl.server.http.guards import check_media, not_allowed, refused
from reference_impl.server.http.messages import (
    HttpRequest,
    HttpResponse,
    read_body,
    send_response,
    until_disconnected,
)
from reference_impl.server.http.shares import too_many
from reference_impl.server.http.streams import KEEP_ALIVE, STREAM_HEADERS

if TYPE_CHECKING:
    from reference_impl.server.auth.gate import Gate
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["SseChannels"]

LIMITS = ChannelLimits(opening=math.inf)
_PATIENCE = 10.0
"""Seconds that a POST waits for a client that does not read its stream."""
_FAREWELL = 2.0


class SseChannels:
    """All open conversations of this transport, by the secret in the address that each client posts to."""

    def __init__(
        self,
        server: AdvancedMCPServer,
        path: str = "/sse",
        messages: str = "/messages",
        limits: ChannelLimits = LIMITS,
    ) -> None:
        self.path = path
        self.messages = messages
        self._server = server
        self._limits = limits
        self._open: dict[str, tuple[ServedChannel, str | None]] = {}

    async def listen(self, http: HttpRequest, root: str) -> None:
        """Open a conversation; it lasts as long as the connection. `root` is where the application is mounted."""
        if http.method != "GET":
            raise not_allowed("GET")
        secret = secrets.token_urlsafe(24)
        stream = _EventChannel(http)
        served = ServedChannel(self._server, stream, http.principal, self._limits)
        self._open[secret] = (served, http.principal)
        try:
            await stream.begin(f"{root}{self.messages}?session={secret}")
            keeping = asyncio.ensure_future(stream.keep_alive())
            try:
                with at_end_of_token(served.close):
                    await served.run()
            finally:
                keeping.cancel()
            await stream.aclose()
        except FrameError:
            await stream.aclose()  # it does not read: let go
        except anyio.BrokenResourceError:
            return
        finally:
            del self._open[secret]

    async def post(self, http: HttpRequest, query: bytes, largest: int, gate: Gate | None = None) -> None:
        """Take one message; its answer goes to the event stream. `gate` refuses what a token does not reach."""
        if http.method != "POST":
            raise not_allowed("POST")
        check_media(http, answers=False)
        secret = parse_qs(query.decode("latin-1")).get("session", [""])[0]
        served, principal = self._open.get(secret, (None, None))
        if served is None or principal != http.principal:
            raise refused(404, "Session not found")
        body = await read_body(http.receive, largest)
        if body is None:
            raise refused(413, "The body is too large")
        if gate is not None:
            gate.check_body(self._server, body)
        with anyio.move_on_after(_PATIENCE) as patience:
            await served.ready()
        if patience.cancelled_caught:
            raise too_many("messages unread: read the event stream")
        served.take(body)
        await send_response(http.send, HttpResponse(202))

    def close(self) -> None:
        """End all streams."""
        for served, _ in self._open.values():
            served.close()


class _EventChannel:
    """The way to the client: messages go out as events. Those of the client come by other requests, so that receiving
    is waiting for its end."""

    def __init__(self, http: HttpRequest) -> None:
        self._http = http
        self._quiet = True

    async def begin(self, address: str) -> None:
        """Begin the stream with the address to post to."""
        await self._http.send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        await self._write(encode_event(address.encode(), event="endpoint"))

    async def send(self, message: bytes) -> None:
        """Send one message as an event. Raises `anyio.BrokenResourceError` if the client has gone."""
        self._quiet = False
        await self._write(encode_event(message))

    async def receive(self) -> bytes:
        """Raise `anyio.EndOfStream` when the client has gone."""
        await until_disconnected(self._http.receive)
        raise anyio.EndOfStream

    async def keep_alive(self) -> None:
        """Send a comment whenever nothing else was sent for a while."""
        with suppress(anyio.BrokenResourceError):
            while True:
                self._quiet = True
                await asyncio.sleep(KEEP_ALIVE)
                if self._quiet:
                    await self._write(COMMENT)

    async def aclose(self) -> None:
        """End the stream, in bounded time."""
        with anyio.move_on_after(_FAREWELL), suppress(OSError):
            await self._http.send({"type": "http.response.body", "body": b""})

    async def _write(self, data: bytes) -> None:
        try:
            await self._http.send({"type": "http.response.body", "body": data, "more_body": True})
        except OSError:
            raise anyio.BrokenResourceError from None
