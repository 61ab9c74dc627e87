"""A request under uvicorn, and its response: ASGI's two functions, and what they write."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

if TYPE_CHECKING:
    from reference_impl.server.uvicorn_http import LeanHttp

__all__ = ["Cycle", "waits"]

_BAD_NAME: Final = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
"""What a field name cannot hold (RFC 9110, 5.6.2)."""
_BAD_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_MOST_KNOWN: Final = 128
"""How many sets of response fields are remembered: servers repeat themselves, but for the length of the body."""
_FAILED: Final = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

Application = Callable[[Any, Any, Any], Awaitable[None]]


def waits(fields: Iterable[tuple[bytes, bytes]]) -> bool:
    """Tell whether a client waits for a word before it sends its body (RFC 9110, 10.1.1)."""
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in fields)


class _Signal:
    """An event that costs nothing as long as nobody waits for it."""

    __slots__ = ("_event", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._event: asyncio.Event | None = None

    def set(self) -> None:
        self.is_set = True
        if self._event is not None:
            self._event.set()

    async def wait(self) -> None:
        """Wait until it is set."""
        self._event = self._event or asyncio.Event()
        await self._event.wait()

    def clear(self) -> None:
        """Wait for the next."""
        self.is_set = False
        if self._event is not None:
            self._event.clear()


class Cycle:
    """One request with its response, whose head leaves together with the first piece of its body.

    What has no leading underscore is for `HttpToolsProtocol`, under the names that it uses.
    """

    disconnected = False
    more_body = True
    response_started = False
    response_complete = False
    _start: Any = None
    _chunked = _until_closed = False
    _urged = False
    _rest = 0
    """Bytes of the body that are still to be sent, if their number was told."""

    def __init__(self, protocol: LeanHttp, *, keep_alive: bool) -> None:
        self.scope = protocol.scope
        self.transport = protocol.transport
        self.message_event = _Signal()
        self.body: bytearray | bytes = bytearray()
        self.keep_alive = keep_alive
        self._protocol = protocol
        self._flow = protocol.flow

    async def run_asgi(self, app: Application) -> None:
        """Serve the request. Nothing is left half sent."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception:
            self._protocol.logger.exception("Exception in ASGI application")
        finally:
            if not self.response_complete and not self.disconnected:
                if self._start is not None or not self.response_started:
                    self.transport.write(_FAILED)
                self.transport.close()

    async def receive(self) -> Any:
        """Return the next event of the request."""
        if self.more_body and not self._urged:
            self._urge()
        if not (self.disconnected or self.response_complete):
            if not self.message_event.is_set:
                self._flow.resume_reading()
                await self.message_event.wait()
            self.message_event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray() if self.more_body else b""
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    def _urge(self) -> None:
        """Tell a client that waits for a word to send its body."""
        self._urged = True
        if waits(self.scope["headers"]) and not self.response_started and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    async def send(self, message: Any) -> None:
        """Take one event of the response. Raises `RuntimeError` for what cannot be sent."""
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if self.response_complete:
            raise RuntimeError(f"{kind} was sent after the response was complete")
        if kind == "http.response.body" and self.response_started:
            self._write(message.get("body", b""), more=message.get("more_body", False))
        elif kind == "http.response.start" and not self.response_started:
            self.response_started, self._start = True, message
        else:
            raise RuntimeError(f"{kind} is out of turn")

    def _write(self, body: bytes, *, more: bool) -> None:
        parts = [] if self._start is None else self._head()
        if self.scope["method"] == "HEAD":
            self._rest = 0
        elif self._chunked:
            if body:
                parts += (b"%x\r\n" % len(body), body, b"\r\n")
            if not more:
                parts.append(b"0\r\n\r\n")
        elif self._until_closed:
            parts.append(body)
        else:
            self._rest -= len(body)
            if self._rest < 0 or (self._rest and not more):
                raise RuntimeError("the response is not as long as its Content-Length says")
            parts.append(body)
        self._start = None
        self.transport.write(b"".join(parts))
        if not more:
            self._complete()

    def _complete(self) -> None:
        self.response_complete = True
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self._protocol.on_response_complete()

    def _head(self) -> list[bytes]:
        status: int = self._start["status"]
        lines, length, closes = _written(tuple(self._start.get("headers", ())))
        self._rest = max(length, 0)
        parts = [STATUS_LINE[status], _own_lines(self._protocol.server_state.default_headers), lines]
        if closes:
            self.keep_alive = False
        if not self.keep_alive:
            parts.append(b"connection: close\r\n")
        if length < 0 and self.scope["method"] != "HEAD" and status not in (204, 304):
            # HTTP/1.0 knows no chunks: there, the end of the connection is the end of the body (RFC 9112, 6.3).
            self._until_closed = self.scope["http_version"] == "1.0"
            self._chunked = not self._until_closed
        if self._chunked:
            parts.append(b"transfer-encoding: chunked\r\n")
        parts.append(b"\r\n")
        return parts


def _written(fields: tuple[Any, ...]) -> tuple[bytes, int, bool]:
    """Return fields as they are written, the number that `Content-Length` says or -1, and whether the connection is to
    end. Raises `RuntimeError` for what cannot be written."""
    try:
        return _lines(fields)
    except TypeError:  # lists in place of pairs, which ASGI allows
        return _lines(tuple(map(tuple, fields)))


@lru_cache(_MOST_KNOWN)
def _lines(fields: tuple[tuple[bytes, bytes], ...]) -> tuple[bytes, int, bool]:
    lines, length, closes = [], -1, False
    for name, value in fields:
        lower = name.lower()
        if not name or _BAD_NAME.search(name) or _BAD_VALUE.search(value):
            raise RuntimeError(f"no valid header field: {name!r}: {value!r}")
        if lower == b"transfer-encoding" or (lower == b"content-length" and not (name == lower and value.isdigit())):
            raise RuntimeError(f"{name!r}: {value!r} is the server's to say")
        if lower == b"connection":
            closes = closes or b"close" in value.lower()
            continue
        if lower == b"content-length":
            length = int(value)
        lines.append(b"%b: %b\r\n" % (lower, value))
    return b"".join(lines), length, closes


_own: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")


def _own_lines(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Return uvicorn's own fields as they are written; it makes another list of them when the second changes."""
    global _own  # noqa: PLW0603 - the memory of this function
    if _own[0] is not fields:
        _own = fields, b"".join(b"%b: %b\r\n" % field for field in fields)
    return _own[1]
