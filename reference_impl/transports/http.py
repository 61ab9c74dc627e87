"""One HTTP/1.1 exchange after another with every byte in view, for those who judge bytes rather than use them.

The request goes out exactly as it was given; h11 reads the response. No cookies, no redirects, no decompression.
Source: RFC 9112.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.abc

from reference_impl.transports.http_connection import HttpConnection
from reference_impl.transports.http_terms import (
    BadHttp,
    ConnectFailed,
    ConnectionLost,
    HttpError,
    Origin,
    why_not_connected,
)
from reference_impl.transports.http_witness import Witness, witnessed

__all__ = [
    "BadHttp",
    "ConnectFailed",
    "ConnectionLost",
    "Headers",
    "HttpConnection",
    "HttpError",
    "HttpPool",
    "HttpResponse",
    "Origin",
]

Headers = list[tuple[str, str]]
"""Names and values in the order of the wire."""

BODY_LIMIT = 64 * 1024 * 1024
"""Most bytes of a body that `HttpResponse.read` gathers; iterating over a body has no limit."""
CONNECT_TIMEOUT = 10.0
"""Seconds until a connection has to stand, TLS included."""
_IDLE_LIMIT = 32


class HttpResponse:
    """The answer: its head is there, its body comes while it is iterated over.

    `headers` holds the names in lower case, in the order of the wire; `raw_request` and `raw_head` are the bytes that
    went out and the head that came back; `reused` says that the connection had served before.
    """

    def __init__(
        self, connection: HttpConnection, raw_request: bytes, reused: bool, witness: Witness | None = None
    ) -> None:
        self._connection = connection
        self._witness = witness
        self._complete = False
        self.raw_request = raw_request
        self.reused = reused
        self.status = 0
        self.headers: Headers = []
        self.raw_head = b""

    async def read_head(self) -> None:
        """Wait for the head. `HttpPool.exchange` has done it before it hands the response out."""
        response, self.raw_head = await self._connection.head()
        self.status = response.status_code
        self.headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
        if self._witness is not None:
            start = f"HTTP/{response.http_version.decode()} {self.status} {response.reason.decode('latin-1')}"
            self._witness.answered(self.status, start, self.headers)

    def header(self, name: str) -> str | None:
        """Return the values of a header (its name in lower case), joined by commas, or None."""
        values = [value for key, value in self.headers if key == name]
        return ", ".join(values) if values else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the pieces of the body as they come. Raises `ConnectionLost` if it is cut short, `BadHttp`."""
        while not self._complete:
            data = await self._connection.body()
            self._complete = data is None
            if self._witness is not None:
                self._witness.brought(data or b"")
                self._witness.whole = self._complete
            if data:
                yield data

    async def read(self, limit: int = BODY_LIMIT) -> bytes:
        """Return the rest of the body. Raises `BadHttp` if it is longer than `limit` bytes."""
        body = bytearray()
        async for data in self:
            body += data
            if len(body) > limit:
                raise BadHttp(f"the body is longer than {limit} bytes")
        return bytes(body)


class HttpPool:
    """Connections to one origin, used again while the server keeps them open.

    `ssl_context` replaces the default one, which verifies certificates and names.
    """

    def __init__(self, origin: Origin, ssl_context: ssl.SSLContext | None = None) -> None:
        self.origin = origin
        self._ssl = ssl_context or (ssl.create_default_context() if origin.scheme == "https" else None)
        self._idle: list[HttpConnection] = []
        self.opened = 0
        """How many connections were made."""

    @asynccontextmanager
    async def exchange(
        self, method: str, path: str, headers: Headers, body: bytes = b"", *, exact: bool = False
    ) -> AsyncIterator[HttpResponse]:
        """Send a request and give its response, whose body ends with the block at the latest.

        Names and values go out as given, in their order; `Host` and `Content-Length` are added where they are absent,
        unless the request is `exact`. A body that was not read to its end when the block is left costs the connection.
        Raises `ValueError` for a line end in the head, `ConnectFailed`, `ConnectionLost`, `BadHttp`.
        """
        sent = headers if exact else self._complete(headers, body)
        wire = _request(method, path, sent, body)
        closes = any(name.lower() == "connection" and "close" in value.lower() for name, value in headers)
        url = f"{self.origin.scheme}://{self.origin.authority}{path}"
        with witnessed(url, f"{method} {path} HTTP/1.1", sent, body) as witness:
            connection, response = await self._answered(wire, method, closes, witness)
            try:
                yield response
            finally:
                with anyio.CancelScope(shield=True):
                    await self._release(connection)

    async def aclose(self) -> None:
        """Close the idle connections."""
        while self._idle:
            await self._idle.pop().close()

    def _complete(self, headers: Headers, body: bytes) -> Headers:
        given = {name.lower() for name, _ in headers}
        added = [] if "host" in given else [("Host", self.origin.authority)]
        if body and not given & {"content-length", "transfer-encoding"}:
            return [*added, *headers, ("Content-Length", str(len(body)))]
        return [*added, *headers]

    async def _answered(
        self, wire: bytes, method: str, closes: bool, witness: Witness | None
    ) -> tuple[HttpConnection, HttpResponse]:
        """Send over an idle connection, or over a new one where there is none or it turns out to be stale."""
        connection = await self._take_idle()
        if connection is not None:
            try:
                return connection, await _ask(connection, wire, method, closes, witness, reused=True)
            except ConnectionLost as error:
                if error.received:
                    raise
        if witness is not None:
            witness.connecting = time.perf_counter()
        connection = await self._connect()
        if witness is not None:
            witness.connected = time.perf_counter()
        return connection, await _ask(connection, wire, method, closes, witness, reused=False)

    async def _take_idle(self) -> HttpConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.quiet():
                return connection
            await connection.close()
        return None

    async def _connect(self) -> HttpConnection:
        host, port = self.origin.host, self.origin.port
        try:
            with anyio.fail_after(CONNECT_TIMEOUT):
                stream = await self._dial(host, port)
        except TimeoutError as error:
            raise ConnectFailed(f"{self.origin.authority}: no connection within {CONNECT_TIMEOUT:g} s") from error
        except (OSError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
            reason = error.__cause__ if isinstance(error.__cause__, OSError) else error
            raise ConnectFailed(f"{self.origin.authority}: {why_not_connected(reason)}") from error
        self.opened += 1
        return HttpConnection(stream)

    async def _dial(self, host: str, port: int) -> anyio.abc.ByteStream:
        if self._ssl is None:
            return await anyio.connect_tcp(host, port)
        # Many servers leave without TLS's farewell; the framing of HTTP itself tells a cut answer from a whole one.
        return await anyio.connect_tcp(host, port, ssl_context=self._ssl, tls_standard_compatible=False)

    async def _release(self, connection: HttpConnection) -> None:
        if len(self._idle) < _IDLE_LIMIT and connection.recycle():
            self._idle.append(connection)
        else:
            await connection.close()


async def _ask(
    connection: HttpConnection, wire: bytes, method: str, closes: bool, witness: Witness | None, *, reused: bool
) -> HttpResponse:
    try:
        await connection.send(wire, method, closes)
        if witness is not None:
            witness.sent = time.perf_counter()
        response = HttpResponse(connection, wire, reused, witness)
        await response.read_head()
    except BaseException:
        with anyio.CancelScope(shield=True):
            await connection.close()
        raise
    return response


def _request(method: str, path: str, headers: Headers, body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    if any(character in line for line in lines for character in "\r\n\0"):
        raise ValueError("a request line or header must not contain a line end or a null character")
    return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body
