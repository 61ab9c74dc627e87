"""A WebSocket as a message channel of the client, by the `websockets` library.

One message a text frame, both ways; a custom transport, see `protocol.websocket_frames`. A lost connection takes the
conversation with it: whoever connects again begins anew, in the legacy era with `initialize`.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import Event, State
from websockets.typing import Subprotocol

from reference_impl.protocol.lines import DEFAULT_LIMIT
from reference_impl.protocol.websocket_frames import (
    MOST_FRAGMENTS,
    SUBPROTOCOL,
    CloseCode,
    closed_because,
)
from reference_impl.transports.dialling import dial
from reference_impl.transports.http_terms import (
    BadHttp,
    ConnectFailed,
    ConnectionLost,
    HttpError,
    Origin,
    shown,
    why_not_connected,
)
from reference_impl.transports.tunnel import Proxy

__all__ = ["HandshakeRefused", "WebSocketChannel", "WebSocketLimits", "open_websocket"]

_QUOTED = 4096
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class WebSocketLimits:
    """Bounds of a connection: bytes of a message that comes in, and seconds.

    After `ping_interval` seconds the peer is pinged; if no pong comes within `ping_timeout`, it is given up. At most
    `queue` frames lie unread before the peer is made to wait.
    """

    largest_message: int = DEFAULT_LIMIT
    open_timeout: float = 10.0
    ping_interval: float = 20.0
    ping_timeout: float = 20.0
    close_timeout: float = 2.0
    queue: int = 16


DEFAULT_LIMITS = WebSocketLimits()


class HandshakeRefused(HttpError):  # noqa: N818 - the name says what happened
    """The server answered the handshake with a status other than 101; names of `headers` are in lower case."""

    def __init__(self, status: int, headers: Mapping[str, str], body: str) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.headers = headers
        self.body = body


class WebSocketChannel:
    """An open socket. `failure` says why it has closed, once it has."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._closed = False
        self.failure: str | None = None

    async def send(self, message: bytes) -> None:
        """Send one message, after waiting while the peer does not read. Raises `anyio.ClosedResourceError` after
        `aclose`, `anyio.BrokenResourceError` if the peer has gone."""
        await self._send(message)

    async def send_pieces(self, pieces: Sequence[bytes]) -> None:
        """Send one message in as many frames; a character may lie in two (RFC 6455 section 5.4). Raises as `send`."""
        await self._send(pieces)

    async def _send(self, message: bytes | Sequence[bytes]) -> None:
        if self._closed:
            raise anyio.ClosedResourceError
        try:
            await self._connection.send(message, text=True)
        except ConnectionClosed as error:
            self.failure = self.failure or _why(error)
            raise anyio.BrokenResourceError from error

    async def receive(self) -> bytes:
        """Return the next message. Raises `anyio.EndOfStream` when the socket has closed."""
        try:
            data = await self._connection.recv()
        except ConnectionClosed as error:
            self.failure = self.failure or _why(error)
            raise anyio.EndOfStream from error
        if isinstance(data, str):
            return data.encode()
        self.failure = "the peer sent a binary frame, where messages are text"
        await _leave(self._connection, CloseCode.UNSUPPORTED_DATA, "messages are text frames")
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Close the socket, politely, in bounded time."""
        self._closed = True
        await _leave(self._connection)


async def _leave(connection: ClientConnection, code: int = CloseCode.NORMAL, reason: str = "") -> None:
    """Say goodbye and close; at once where the peer does not even read the farewell, for which the library would wait
    without end."""
    try:
        with anyio.move_on_after(2 * (connection.close_timeout or 0.0)):
            await connection.close(code, reason)
    finally:
        if connection.state is not State.CLOSED:
            connection.transport.abort()


def _why(error: ConnectionClosed) -> str:
    if error.sent is not None and not error.rcvd_then_sent:
        return f"the WebSocket was closed on this side: {error.sent.code} {error.sent.reason}".rstrip()
    if error.rcvd is not None:
        return closed_because(error.rcvd.code, error.rcvd.reason)
    return "the WebSocket broke without a farewell"


class _Connection(ClientConnection):
    """Bounds what the library leaves open: how long a peer may take to close a connection that has to be closed, and
    how many fragments a message may have; empty ones never reach the bound on bytes."""

    _farewell: asyncio.TimerHandle | None = None
    _fragments = 0

    def process_event(self, event: Event) -> None:
        if isinstance(event, Frame) and event.opcode is Opcode.CONT:
            self._fragments = 0 if event.fin else self._fragments + 1
            if self._fragments >= MOST_FRAGMENTS:
                self.protocol.fail(CloseCode.TOO_BIG, f"a message has more than {MOST_FRAGMENTS} fragments")
                return
        super().process_event(event)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._farewell is None and self.protocol.close_expected():
            self.send_data()  # what was said while events were looked at
            self._farewell = self.loop.call_later(self.close_timeout or 0.0, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._farewell is not None:
            self._farewell.cancel()
        super().connection_lost(exc)


class _Connect(connect):
    """Follows no redirects: a handshake carries credentials, which are for the address that the user chose."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


async def open_websocket(
    url: str,
    headers: Mapping[str, str] | None = None,
    ssl_context: ssl.SSLContext | None = None,
    limits: WebSocketLimits = DEFAULT_LIMITS,
    proxy: Proxy | None = None,
) -> WebSocketChannel:
    """Open a WebSocket to a `ws` or `wss` URL and agree on the sub-protocol `mcp`.

    `ssl_context` replaces the default one, which verifies certificates and names. No compression. Raises
    `ConnectFailed`, `ConnectionLost`, `HandshakeRefused`, `BadHttp` if what answers is no WebSocket server or does not
    speak `mcp`, and `ValueError` for a header that would begin another.
    """
    more: dict[str, Any] = {}
    if url.startswith("wss:"):
        more["ssl"] = ssl_context or ssl.create_default_context()
    _demand_sendable(headers or {})
    name = shown(url)
    try:
        with anyio.fail_after(limits.open_timeout):
            connection = await _connected(url, headers, limits, more | {"sock": await _dialled(url, proxy)})
    except TimeoutError:
        raise ConnectFailed(f"{name}: no WebSocket within {limits.open_timeout:g} s") from None
    except InvalidStatus as error:
        raise _refused(error.response) from None
    except InvalidHandshake as error:
        if isinstance(error.__cause__, EOFError | OSError):
            text = f"{name}: the server closed the connection before it answered the handshake"
            raise ConnectionLost(text, received=False) from error
        raise BadHttp(f"{name}: no WebSocket handshake: {error}") from error
    except (OSError, EOFError) as error:
        raise ConnectFailed(f"{name}: {why_not_connected(error) or 'the connection was closed'}") from error
    if connection.subprotocol != SUBPROTOCOL:
        await _leave(connection, CloseCode.PROTOCOL_ERROR, f"the sub-protocol here is {SUBPROTOCOL}")
        raise BadHttp(f"{name}: the server does not speak the sub-protocol {SUBPROTOCOL}")
    return WebSocketChannel(connection)


def _demand_sendable(headers: Mapping[str, str]) -> None:
    """Raise `ValueError` for a header that the library would quote in its complaint: it may be a token."""
    for name, value in headers.items():
        if _CONTROL.search(name + value):
            raise ValueError(f"the header {name!r} holds a line end or another control character")


def _refused(response: Response) -> HandshakeRefused:
    headers: dict[str, str] = {}
    for name, value in response.headers.raw_items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    body = bytes(response.body or b"")[:_QUOTED].decode(errors="replace")
    return HandshakeRefused(response.status_code, headers, body)


async def _dialled(url: str, proxy: Proxy | None) -> socket.socket:
    try:
        origin = Origin.of(f"http{url.removeprefix('ws')}")
    except ValueError as error:
        raise ConnectFailed(f"{shown(url)} is no WebSocket URL") from error
    return await (dial(origin) if proxy is None else proxy.connect(origin))


async def _connected(
    url: str, headers: Mapping[str, str] | None, limits: WebSocketLimits, connection: dict[str, Any]
) -> ClientConnection:
    try:
        opening = _Connect(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            additional_headers=dict(headers or {}),
            user_agent_header="mcp-touchstone",
            proxy=None,
            open_timeout=None,
            ping_interval=limits.ping_interval,
            ping_timeout=limits.ping_timeout,
            close_timeout=limits.close_timeout,
            max_size=limits.largest_message,
            max_queue=limits.queue,
            create_connection=_Connection,
            **connection,
        )
    except (ValueError, InvalidURI) as error:
        connection["sock"].close()
        raise ConnectFailed(f"{shown(url)} is no WebSocket URL") from error
    return await opening
