"""uvicorn's HTTP/1.1 at two thirds of its cost, for the runner of this server.

A call of a tool takes less time than uvicorn spends on the request around it. What is spared here: an event, a timer
and a second write for each request, and the inspection of response fields that were found valid before. All the rest is
uvicorn's own. Access logs are not written.
"""

from __future__ import annotations

import asyncio
import re
import urllib.parse
from functools import lru_cache
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

__all__ = ["LeanHttp"]

_BAD_NAME: Final = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
"""What a field name cannot hold (RFC 9110, 5.6.2)."""
_BAD_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_STEADY: Final = frozenset({b"content-type", b"cache-control", b"x-accel-buffering"})
"""Fields that say the same in most responses."""
_MOST_KNOWN: Final = 64
_known: dict[tuple[bytes, bytes], bytes] = {}
"""Steady fields that were found valid, as they are written."""


class LeanHttp(HttpToolsProtocol):
    """The protocol of one connection."""

    _idle = False
    _idle_since = 0.0

    def on_headers_complete(self) -> None:
        """Start to serve a request, or queue it behind the one before."""
        parser = self.parser
        if self.limit_concurrency is not None or parser.should_upgrade():
            super().on_headers_complete()
            return
        version = parser.get_http_version()
        self._complete_scope(version)
        before, self.cycle = self.cycle, self._cycle(version)
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def _complete_scope(self, version: str) -> None:
        scope = self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = version
        scope["path"], scope["raw_path"], scope["query_string"] = _target(self.url, self.root_path)

    def _cycle(self, version: str) -> _Cycle:
        return _Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=_Signal(),  # type: ignore[arg-type]  # it does what an event does
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def on_response_complete(self) -> None:
        """Serve what was queued, or wait for the next request."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
            return
        self._idle, self._idle_since = True, self.loop.time()
        if self.timeout_keep_alive_task is None:
            self._wait(self.timeout_keep_alive)

    def _wait(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _unset_keepalive_if_required(self) -> None:
        # Something has come. The timer runs on: it looks, when it is due, how long nothing has come since.
        self._idle = False

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it has been idle for all of the time allowed."""
        self.timeout_keep_alive_task = None
        if self._idle and not self.transport.is_closing():
            rest = self._idle_since + self.timeout_keep_alive - self.loop.time()
            if rest > 0:
                self._wait(rest)
            else:
                self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        super().connection_lost(exc)
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None


@lru_cache(_MOST_KNOWN)
def _target(url: bytes, root: str) -> tuple[str, bytes, bytes]:
    """Return the path below `root`, the path as it came, and the query of a request's target."""
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    path = urllib.parse.unquote(path) if "%" in path else path
    return root + path, root.encode("ascii") + parsed.path, parsed.query or b""


_own: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")


def _own_lines(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Return uvicorn's own fields as they are written; it makes another list of them when the second changes."""
    global _own  # noqa: PLW0603 - the memory of this function
    if _own[0] is not fields:
        _own = fields, b"".join(b"%b: %b\r\n" % field for field in fields)
    return _own[1]


class _Signal:
    """An event that costs nothing as long as nobody waits for it."""

    __slots__ = ("_event", "_set")

    def __init__(self) -> None:
        self._set = False
        self._event: asyncio.Event | None = None

    def set(self) -> None:
        self._set = True
        if self._event is not None:
            self._event.set()

    def clear(self) -> None:
        self._set = False
        if self._event is not None:
            self._event.clear()

    def is_set(self) -> bool:
        return self._set

    async def wait(self) -> None:
        if not self._set:
            self._event = self._event or asyncio.Event()
            await self._event.wait()


class _Cycle(RequestResponseCycle):
    """One request with its response, whose head leaves together with the first piece of its body."""

    _head: tuple[bytes, ...] = ()

    async def receive(self) -> Any:
        """Return the next event of the request; the whole body at once, if it is there."""
        special = self.more_body or self.waiting_for_100_continue or self.disconnected or self.response_complete
        if special or not self.message_event.is_set():
            return await super().receive()
        self.message_event.clear()
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Any) -> None:
        """Take one message of the application."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if not self.response_started:
            self._begin(message)
        elif not self.response_complete:
            self._go_on(message)
        else:
            raise RuntimeError(f"{message['type']} was sent after the response was complete")

    def _begin(self, message: Any) -> None:
        if message["type"] != "http.response.start":
            raise RuntimeError(f"a response starts with http.response.start, not with {message['type']}")
        self.response_started = True
        self.waiting_for_100_continue = False
        status: int = message["status"]
        lines = [_known.get(field) or self._line(*field) for field in message.get("headers", ())]
        if not self.keep_alive:
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in (204, 304):
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        self._head = (STATUS_LINE[status], _own_lines(self.default_headers), *lines, b"\r\n")

    def _line(self, name: bytes, value: bytes) -> bytes:
        """Return a field as it is written. Raises `RuntimeError` for what would not be one field."""
        if name == b"content-length" and value.isdigit():
            self.expected_content_length, self.chunked_encoding = int(value), False
            return b"content-length: %b\r\n" % value
        if not name or _BAD_NAME.search(name) or _BAD_VALUE.search(value):
            raise RuntimeError(f"no valid header field: {name!r}: {value!r}")
        lower = name.lower()
        if lower in (b"content-length", b"transfer-encoding"):
            raise RuntimeError(f"{name!r}: {value!r} is the server's to say")
        if lower == b"connection":
            self.keep_alive = False
            return b""
        line = b"%b: %b\r\n" % (lower, value)
        if lower in _STEADY and len(_known) < _MOST_KNOWN:
            _known[name, value] = line
        return line

    def _go_on(self, message: Any) -> None:
        if message["type"] != "http.response.body":
            raise RuntimeError(f"a response goes on with http.response.body, not with {message['type']}")
        body, more = message.get("body", b""), message.get("more_body", False)
        if self.scope["method"] == "HEAD":
            body, self.expected_content_length = b"", 0
        head, self._head = self._head, ()
        if self.chunked_encoding:
            chunk = (b"%x\r\n" % len(body), body, b"\r\n") if body else ()
            self.transport.write(b"".join((*head, *chunk, b"" if more else b"0\r\n\r\n")))
        else:
            self._count(len(body), more=more)
            self.transport.write(b"".join((*head, body)))
        if not more:
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.transport.close()
            self.on_response()

    def _count(self, size: int, *, more: bool) -> None:
        self.expected_content_length -= size
        if self.expected_content_length < 0 or (self.expected_content_length and not more):
            raise RuntimeError("the response is not as long as its Content-Length says")
