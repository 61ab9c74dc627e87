"""uvicorn's HTTP/1.1 at half of its cost, for the runner of this server.

A call of a tool takes less time than uvicorn spends on the request around it. What is spared here: an event, a timer
and a second write for each request, the inspection of response fields that were found valid before, and much of the
bookkeeping. Connections, upgrades, limits and the end of the server are uvicorn's own. Access logs are not written.
"""

from __future__ import annotations

import asyncio
import contextvars
import re
import urllib.parse
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from reference_impl.server.eager import EagerTasks
from reference_impl.server.uvicorn_repeats import RepeatedHead

__all__ = ["LeanHttp"]

_BAD_NAME: Final = re.compile(rb"[^!#$%&'*+.^_`|~0-9A-Za-z-]")
"""What a field name cannot hold (RFC 9110, 5.6.2)."""
_BAD_VALUE: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_STEADY: Final = frozenset({b"content-type", b"cache-control", b"x-accel-buffering"})
"""Fields that say the same in most responses."""
_MOST_KNOWN: Final = 64
_PATIENCE: Final = 8
"""Requests of a connection, each with another head, after which none is remembered any more."""
_known: dict[tuple[bytes, bytes], bytes] = {}
"""Steady fields that were found valid, as they are written."""
_FAILED: Final = b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"

Application = Callable[[Any, Any, Any], Awaitable[None]]


class LeanHttp(HttpToolsProtocol):
    """The protocol of one connection."""

    _idle = False
    _idle_since = 0.0
    _begun = 0
    """How many requests began in the piece that is being read."""
    _due: Any = None
    """The request that is to be served once that piece is read."""
    _known: RepeatedHead | None = None
    """The head of the last request, if that came alone, and nothing has come since."""
    _unlike = 0
    """How many requests in a row were not like the one before: it does not pay to remember their heads for ever."""
    _served: Any = None
    """The request under way; `cycle` is the last that came, which may wait behind it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Get ready to serve."""
        super().connection_made(transport)
        self._eager = EagerTasks(self.loop)

    def data_received(self, data: bytes) -> None:
        """Read what has come; a request that begins with it is served when all of it is read, mostly with its body."""
        known = self._known
        if known is not None:
            found = known.read(data) if self.cycle.response_complete else None
            if found is not None:
                self._repeat(*found)
                return
            self._known = None
            self._unlike += 1
        self._begun = 0
        super().data_received(data)
        cycle, self._due = self._due, None
        if cycle is not None:
            if self._begun == 1 and cycle.keep_alive and not cycle.more_body and self._unlike < _PATIENCE:
                self._known = RepeatedHead.of(data, self.scope, len(cycle.body))
            self._begin(cycle)

    def _repeat(self, scope: Any, body: bytes) -> None:
        """Serve a request that the parser need not look at: it is where it was, between two messages."""
        self._idle, self._unlike = False, 0
        scope["state"], self.scope = self.app_state.copy(), scope
        self.cycle = cycle = _Cycle(self, keep_alive=True)  # type: ignore[assignment]  # as above
        cycle.body, cycle.more_body, cycle.message_event.is_set = body, False, True
        self._begin(cycle)

    def on_message_begin(self) -> None:
        """Note that the connection is not idle any more. The timer runs on: it looks, when it is due, for how long it
        has been."""
        self._idle = False
        self._begun += 1
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field. Whether it is `Expect`, is asked only if a body does not come by itself."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Start to serve a request, or queue it behind the one before."""
        parser = self.parser
        if self.limit_concurrency is not None or parser.should_upgrade():
            self.expect_100_continue = _waits(self.headers)
            super().on_headers_complete()
            return
        scope, version = self.scope, parser.get_http_version()
        scope["method"], scope["http_version"] = parser.get_method().decode("ascii"), version
        scope["path"], scope["raw_path"], scope["query_string"] = _target(self.url, self.root_path)
        before, cycle = self.cycle, _Cycle(self, keep_alive=version != "1.0" and parser.should_keep_alive())
        self.cycle = cycle  # type: ignore[assignment]  # it has all that this class asks of uvicorn's own
        if before is None or before.response_complete:
            self._due = cycle
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))  # type: ignore[arg-type]  # the same

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: _Cycle) -> None:
        """Serve a request at once, in a task only if it waits for something."""
        self._served = cycle
        context = contextvars.Context() if self.config.reset_contextvars else contextvars.copy_context()
        task = self._eager.start(cycle.run_asgi(self.app), context)
        if task is not None:
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)

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
        """Leave the timer alone: bytes that begin no request, such as empty lines, keep no connection open."""

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
        """Stop the timer, and tell the request under way: uvicorn tells only the last that came."""
        super().connection_lost(exc)
        self._eager.close()
        if self._served is not None and not self._served.response_complete:
            self._served.disconnected = True
            self._served.message_event.set()
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


def _waits(fields: Iterable[tuple[bytes, bytes]]) -> bool:
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
        """Wait until it is set, and clear it."""
        if not self.is_set:
            self._event = self._event or asyncio.Event()
            await self._event.wait()
        if self._event is not None:
            self._event.clear()
        self.is_set = False


class _Cycle:
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
        if not self.message_event.is_set and not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
        if not self.disconnected and not self.response_complete:
            await self.message_event.wait()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), bytearray() if self.more_body else b""
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    def _urge(self) -> None:
        """Tell a client that waits for a word to send its body."""
        self._urged = True
        if _waits(self.scope["headers"]) and not self.response_started and not self.transport.is_closing():
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
        parts = [STATUS_LINE[status], _own_lines(self._protocol.server_state.default_headers)]
        sized = False
        for name, value in self._start.get("headers", ()):
            if name == b"content-length" and value.isdigit():
                sized, self._rest = True, int(value)
                parts.append(b"content-length: %b\r\n" % value)
            else:
                parts.append(_known.get((name, value)) or self._line(name, value))
        if not self.keep_alive:
            parts.append(b"connection: close\r\n")
        if not sized and self.scope["method"] != "HEAD" and status not in (204, 304):
            # HTTP/1.0 knows no chunks: there, the end of the connection is the end of the body (RFC 9112, 6.3).
            self._until_closed = self.scope["http_version"] == "1.0"
            self._chunked = not self._until_closed
        if self._chunked:
            parts.append(b"transfer-encoding: chunked\r\n")
        parts.append(b"\r\n")
        return parts

    def _line(self, name: bytes, value: bytes) -> bytes:
        """Return a field as it is written. Raises `RuntimeError` for what would not be one field."""
        if not name or _BAD_NAME.search(name) or _BAD_VALUE.search(value):
            raise RuntimeError(f"no valid header field: {name!r}: {value!r}")
        lower = name.lower()
        if lower in (b"content-length", b"transfer-encoding"):
            raise RuntimeError(f"{name!r}: {value!r} is the server's to say")
        if lower == b"connection":
            self.keep_alive = self.keep_alive and b"close" not in value.lower()
            return b""
        line = b"%b: %b\r\n" % (lower, value)
        if lower in _STEADY and len(_known) < _MOST_KNOWN:
            _known[name, value] = line
        return line


_own: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")


def _own_lines(fields: list[tuple[bytes, bytes]]) -> bytes:
    """Return uvicorn's own fields as they are written; it makes another list of them when the second changes."""
    global _own  # noqa: PLW0603 - the memory of this function
    if _own[0] is not fields:
        _own = fields, b"".join(b"%b: %b\r\n" % field for field in fields)
    return _own[1]
