"""One connection of HTTP/1.1: the request's bytes as they are, the response through h11.

Source: RFC 9112.
"""

from __future__ import annotations

import select
from contextlib import suppress

import anyio
import anyio.abc
import h11

from reference_impl.transports.http_terms import BadHttp, ConnectFailed, ConnectionLost, HttpError

__all__ = ["HEAD_LIMIT", "BadHttp", "ConnectFailed", "ConnectionLost", "HttpConnection", "HttpError"]

HEAD_LIMIT = 64 * 1024
"""Most bytes of a response's head."""
_CHUNK = 65536


class HttpConnection:
    """A byte stream and the state machine that reads it. Exchanges follow each other: `send`, `head`, `body` to its
    end, `recycle`."""

    def __init__(self, stream: anyio.abc.ByteStream) -> None:
        self._stream = stream
        self._restart()

    def _restart(self) -> None:
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_LIMIT)
        self._head: bytearray | None = bytearray()
        self._ended = False
        self.received = False

    async def send(self, wire: bytes, method: str, closes: bool) -> None:
        """Write a request. h11 gets a clean twin of it, so that it knows which answer to expect."""
        headers = [("host", "x"), ("content-length", "0"), *([("connection", "close")] if closes else [])]
        self._http.send(h11.Request(method="HEAD" if method == "HEAD" else "POST", target="/", headers=headers))
        self._http.send(h11.EndOfMessage())
        # A server may refuse early and answer while it still ought to read: its answer counts, if there is one.
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            await self._stream.send(wire)

    async def head(self) -> tuple[h11.Response, bytes]:
        """Read up to the end of the response's head; return it and its bytes, interim responses included."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Response):
                rest, _ = self._http.trailing_data
                head, self._head = bytes(self._head or b""), None
                return event, head[: len(head) - len(rest)]
            if not isinstance(event, h11.InformationalResponse):
                raise BadHttp(f"expected the head of a response, got {type(event).__name__}")

    async def body(self) -> bytes | None:
        """Return the next bytes of the body, or None at its end."""
        event = await self._event()
        return bytes(event.data) if isinstance(event, h11.Data) else None

    async def _event(self) -> h11.Event:
        while True:
            event = self._next_event()
            if event is not None:
                return event
            data = await self._receive()
            if self._head is not None:
                self._head += data
            self._http.receive_data(data)

    def _next_event(self) -> h11.Event | None:
        """Return the next event that the bytes so far hold, or None if they hold none."""
        try:
            event = self._http.next_event()
        except h11.RemoteProtocolError as error:
            if self._ended:
                message = "the server closed the connection before the end of its answer"
                raise ConnectionLost(message, self.received) from error
            raise BadHttp(f"no valid HTTP response: {error}") from error
        if event is h11.PAUSED:
            raise BadHttp("the server switched protocols without being asked")
        return event if isinstance(event, h11.Event) else None

    async def _receive(self) -> bytes:
        try:
            data = await self._stream.receive(_CHUNK)
        except anyio.EndOfStream:
            self._ended = True
            return b""
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError) as error:
            raise ConnectionLost("the server reset the connection", self.received) from error
        self.received = True
        return data

    def recycle(self) -> bool:
        """Make ready for the next exchange; tell whether the connection can bear one.

        What is left of a body counts as read if it is here already, such as the empty body of a 202.
        """
        if self._head is not None:
            return False
        with suppress(HttpError):
            while self._http.their_state is h11.SEND_BODY and self._next_event() is not None:
                pass
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        if self._http.trailing_data[0]:
            return False
        self._restart()
        return True

    def quiet(self) -> bool:
        """Tell whether an idle connection is still good: one that has something to read has ended, or went astray."""
        raw = self._stream.extra(anyio.abc.SocketAttribute.raw_socket, None)  # noqa: S610 - no database here
        if raw is None or not hasattr(select, "poll"):
            return True
        poll = select.poll()
        poll.register(raw.fileno(), select.POLLIN)
        return not poll.poll(0)

    async def close(self) -> None:
        """Close at once, without the farewell of TLS."""
        await anyio.aclose_forcefully(self._stream)
