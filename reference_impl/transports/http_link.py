"""One kept connection of HTTP/1.1, for those who use answers rather than judge bytes: httptools reads what comes.

Requests go out one after the other, each as one piece of bytes; the reply is there with its head, and its body comes
while it is read. What nobody reads is bounded: the peer is made to wait. Source: RFC 9112.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from reference_impl.transports.channel import HIGH_WATER
from reference_impl.transports.http_terms import BadHttp, ConnectionLost, HttpError, why_not_connected

__all__ = ["HEAD_LIMIT", "HttpLink", "HttpReply"]

HEAD_LIMIT = 64 * 1024
"""Most bytes of the fields of a response, trailers included."""
_FRAMING = frozenset({"content-length", "transfer-encoding"})
"""Headers that say where a body ends; without them it ends with the connection, if that ends in good order."""
_TLS_ALERT = b"\x15\x03"
"""How a server begins that wants TLS and gets none."""
_LINGER = 1.0
"""Seconds that the end of a body which nobody wants any more may take, before it costs the connection."""


class HttpReply:
    """The answer to one request. `headers` has the names in lower case, and values of one name joined by commas.

    `complete` says that the whole body has come, `received` that any byte of the answer has; `failure` is what ended
    it before. Use it as a context manager: with the block ends the interest in it. What is left of the body is passed
    over then, for a short while, to keep the connection; an exception closes the connection at once.
    """

    __slots__ = ("_chunks", "_link", "_size", "_waiter", "complete", "failure", "headers", "received", "status")

    def __init__(self, link: HttpLink) -> None:
        self._link = link
        self._chunks: list[bytes] = []
        self._size = 0
        self._waiter: asyncio.Future[None] | None = None
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = self.received = False
        self.failure: HttpError | None = None

    async def head(self) -> None:
        """Wait for the status and the headers. Raises `ConnectionLost`, `BadHttp`."""
        while not self.status:
            await self._news()

    async def chunk(self) -> bytes | None:
        """Return what has come of the body, at least one byte, or None at its end. Raises `ConnectionLost`,
        `BadHttp`."""
        while not self._chunks:
            if self.complete:
                return None
            await self._news()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        if self._size >= HIGH_WATER and not self.complete:
            self._link.resume()
        self._size = 0
        return data

    async def read(self, limit: int) -> bytes:
        """Return the rest of the body. Raises `BadHttp` if it is longer than `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        while (data := await self.chunk()) is not None:
            parts.append(data)
            size += len(data)
            if size > limit:
                raise BadHttp(f"the body is longer than {limit} bytes")
        return b"".join(parts)

    def __enter__(self) -> HttpReply:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if not self.complete:
            self._link.close() if failed else self._link.linger()

    # What the link tells ------------------------------------------------------------------------

    def take(self, data: bytes) -> bool:
        """Take a piece of the body; tell whether so much lies unread that the peer should wait."""
        self._chunks.append(data)
        self._size += len(data)
        self.wake()
        return self._size >= HIGH_WATER

    def wake(self) -> None:
        """Let the reader look again."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _news(self) -> None:
        if self.failure is not None:
            raise self.failure
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None


class HttpLink(asyncio.Protocol):
    """A connection and the reply that is under way on it. `rested` is told when it can bear the next request, `lost`
    when it has ended."""

    def __init__(self, rested: Callable[[HttpLink], None], lost: Callable[[HttpLink], None]) -> None:
        self._rested, self._lost = rested, lost
        self._parser = httptools.HttpResponseParser(self)
        self._fields: list[tuple[bytes, bytes]] = []
        self._fields_size = 0
        self._reply: HttpReply | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._paused = False
        self.rests_since = 0.0
        """When it became idle, by the loop's clock: its pool's own note."""

    def begin(self, request: bytes) -> HttpReply:
        """Send a whole request; its reply is to be waited for by `head`."""
        reply = self._reply = HttpReply(self)
        # Nothing waits for the peer to read: all of the request lies in memory anyway, and an early answer may come.
        self._transport.write(request)
        return reply

    # Callbacks of the event loop ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # Not an isinstance check: the transports of uvloop are none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        reply = self._reply
        if reply is None:
            self.close()  # what nobody asked for
            return
        reply.received = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(BadHttp("the server switched protocols without being asked"))
        except httptools.HttpParserError as error:
            cause, tls = error.__context__, data.startswith(_TLS_ALERT)
            why = "an alert of TLS (is it an https:// address?)" if tls else error
            self._fail(cause if isinstance(cause, BadHttp) else BadHttp(f"no valid HTTP response: {why}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the reader, unless its reply ends as the connection does."""
        reply = self._reply
        if exc is None and reply is not None and reply.status and not reply.headers.keys() & _FRAMING:
            self._finish(reply)
        how = "closed the connection before the end of its answer"
        if exc is not None:
            how = f"broke the connection: {why_not_connected(exc)}"
        self._fail(ConnectionLost(f"the server {how}", reply is not None and reply.received))
        self._lost(self)

    # Callbacks of the parser --------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """Refuse what follows a reply unasked: the next request would take it for its own."""
        if self._reply is None:
            raise BadHttp("a reply that nobody asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field; those after the body (trailers) only count."""
        self._fields_size += len(name) + len(value)
        if self._fields_size > HEAD_LIMIT:
            raise BadHttp(f"the response's header is longer than {HEAD_LIMIT} bytes")
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Hand out the head, unless it is an interim one (1xx)."""
        status, reply = self._parser.get_status_code(), self._reply
        if reply is None or status < 200:
            return
        headers = reply.headers
        for raw, value in self._fields:
            name, text = raw.decode("latin-1").lower(), value.decode("latin-1").strip()
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
        reply.status = status
        reply.wake()

    def on_body(self, data: bytes) -> None:
        """Hand out a piece of the body, unless nobody wants it."""
        reply = self._reply
        if reply is not None and self._lingering is None and reply.take(data):
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """End the reply; the connection can be used again if both sides are done with it."""
        self._fields.clear()
        self._fields_size = 0
        reply = self._reply
        if reply is None or not reply.status:
            return
        keeps = self._parser.should_keep_alive() and not self._transport.get_write_buffer_size()
        self._finish(reply)
        if keeps:
            self._rested(self)
        else:
            self.close()  # at once: a server that refused the request early may never read the rest of it

    # The end ------------------------------------------------------------------------------------

    def _finish(self, reply: HttpReply) -> None:
        self._reply = None
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        reply.complete = True
        reply.wake()
        self.resume()

    def _fail(self, failure: HttpError) -> None:
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.failure = failure
            reply.wake()
        self.close()

    def resume(self) -> None:
        """Read on, after the reader has caught up."""
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def linger(self) -> None:
        """Pass over the rest of the reply, for a bounded time."""
        if self._reply is not None and self._lingering is None:
            self._lingering = asyncio.get_running_loop().call_later(_LINGER, self.close)
            self.resume()

    def close(self) -> None:
        """Close at once, without the farewell of TLS."""
        if self._lingering is not None:
            self._lingering.cancel()
        self._transport.abort()

    @property
    def closing(self) -> bool:
        """Whether it is of no more use."""
        return self._transport.is_closing()
