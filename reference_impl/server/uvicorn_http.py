"""uvicorn's HTTP/1.1 at half of its cost, for the runner of this server.

A call of a tool takes less time than uvicorn spends on the request around it. What is spared here: an event, a timer
and a second write for each request, the inspection of response fields that were found valid before, and much of the
bookkeeping (`uvicorn_cycle`); a task where nobody waits (`eager`); the parser where a head repeats (`uvicorn_repeats`).
Connections, upgrades, limits and the end of the server are uvicorn's own. Access logs are not written.
"""

from __future__ import annotations

import asyncio
import contextvars
import urllib.parse
from functools import lru_cache
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from reference_impl.server.eager import EagerTasks
from reference_impl.server.uvicorn_cycle import Cycle, waits
from reference_impl.server.uvicorn_repeats import RepeatedHead

__all__ = ["LeanHttp"]

_MOST_KNOWN: Final = 64
"""How many targets are remembered: clients repeat themselves."""
_PATIENCE: Final = 8
"""Requests of a connection, each with another head, after which none is remembered any more."""


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
        self.cycle = cycle = Cycle(self, keep_alive=True)  # type: ignore[assignment]  # as above
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
            self.expect_100_continue = waits(self.headers)
            super().on_headers_complete()
            return
        scope, version = self.scope, parser.get_http_version()
        scope["method"], scope["http_version"] = parser.get_method().decode("ascii"), version
        scope["path"], scope["raw_path"], scope["query_string"] = _target(self.url, self.root_path)
        before, cycle = self.cycle, Cycle(self, keep_alive=version != "1.0" and parser.should_keep_alive())
        self.cycle = cycle  # type: ignore[assignment]  # it has all that this class asks of uvicorn's own
        if before is None or before.response_complete:
            self._due = cycle
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))  # type: ignore[arg-type]  # the same

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._served = cycle
        super()._start_asgi_task(cycle, app)

    def _begin(self, cycle: Cycle) -> None:
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
        if self.flow.read_paused:
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

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over: no more requests come here, and nobody says when it is lost."""
        self._eager.close()
        super().handle_websocket_upgrade()

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
