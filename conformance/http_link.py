"""The link over Streamable HTTP: each message is a POST of its own, answered by JSON or by a stream of events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from itertools import count
from urllib.parse import urlsplit

import anyio

from conformance.http_reply import HttpReply, HttpRequest, LiveReply
from conformance.links import Answer, Gone, Listener, Silence, Throttled
from conformance.target import HttpTarget
from conformance.transcript import NO_JSON, Conversation, Direction, Entry, HttpHead
from reference_impl.protocol.streamable import LAST_EVENT_ID, SSE_TYPE
from reference_impl.transports.http import (
    BadHttp,
    ConnectFailed,
    ConnectionLost,
    HttpPool,
    HttpResponse,
)

__all__ = ["RESUMED", "HttpLink"]

RESUMED = "takes up a stream, whose messages may come again"
"""What is odd about the exchange that resumes a stream: monitors must not count its messages twice."""

_POLLS = 20
"""Times that a stream whose connection the server closed early is taken up again."""
_TRIES = {429: 8, 503: 2}
"""Times that a request is sent which meets a status of a server that takes no more for the moment: no more requests
(RFC 6585, section 4), or no more clients (RFC 9110, section 15.6.4). It says nothing about the request."""
_PAUSE = 1.0
"""Seconds to wait before the next try where the server names none."""


class HttpLink:
    """Exchanges with one MCP endpoint; every reply belongs to its request. `taken` exchanges of the conversation have
    their numbers from elsewhere."""

    def __init__(self, target: HttpTarget, conversation: Conversation, pool: HttpPool, taken: int = 0) -> None:
        self.conversation = conversation
        self.listener: Listener | None = None
        self.target = target
        self._pool = pool
        parts = urlsplit(target.url)
        self.hostname = parts.hostname or ""
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._host = parts.netloc.rpartition("@")[2]
        self._exchanges = taken

    def headers(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Return the headers as they go out: ours, the user's, then the request's own."""
        counted = request.method == "POST" and "transfer-encoding" not in request.headers
        length = {"content-length": str(len(request.body))} if counted else {}
        merged: dict[str, tuple[str, str | None]] = {}
        for group in ({"host": self._host, "user-agent": "touchstone"}, self.target.headers, request.headers, length):
            merged |= {name.lower(): (name, value) for name, value in group.items()}
        return [(name, value) for name, value in merged.values() if value is not None]

    @asynccontextmanager
    async def opened(self, request: HttpRequest, timeout: float) -> AsyncIterator[LiveReply]:
        """Send a request and give its reply once the head is there; leaving the block early closes the connection.

        A server that takes no more for now gets the time that it asks for. Raises `Silence` if no head came in
        time, `Gone` if the connection failed before, `Throttled` if the limit still held at the last try.
        """
        give_up = anyio.current_time() + timeout
        for tried in count(1):
            async with self._opened(request, give_up - anyio.current_time()) as live:
                pause, status = _pause(live.head), live.head.status or 0
                if pause is None:
                    yield live
                    return
            if tried >= _TRIES[status] or anyio.current_time() + pause >= give_up:
                break
            await anyio.sleep(pause)
        limit = f"HTTP {status}: {HTTPStatus(status).phrase}"
        raise Throttled(f"a reply to {request.method} other than a limit", limit)

    @asynccontextmanager
    async def _opened(self, request: HttpRequest, timeout: float) -> AsyncIterator[LiveReply]:
        self._exchanges += 1
        sent = self._record_sent(request, self._exchanges)
        response: HttpResponse | None = None
        async with AsyncExitStack() as stack:
            try:
                with anyio.move_on_after(timeout):
                    response = await stack.enter_async_context(
                        self._pool.exchange(request.method, self._path, self.headers(request), request.body, exact=True)
                    )
            except (ConnectFailed, ConnectionLost, BadHttp) as error:
                raise Gone(f"an HTTP reply to {request.method}", str(error), [sent.index]) from None
            if response is None:
                raise Silence(f"an HTTP reply to {request.method} within {timeout:g} s", "silence", [sent.index])
            live = LiveReply(self.conversation, self.listener, response, (request, sent))
            try:
                yield live
            finally:
                live.note()

    async def exchange(self, request: HttpRequest, timeout: float, *, settle: bool = False) -> HttpReply:
        """Send a request and read the reply to its end or the deadline; with `settle`, to its JSON-RPC response.

        Raises `Silence` if no head came in time, `Gone` if the connection failed before any message.
        """
        start = anyio.current_time()
        async with self.opened(request, timeout) as live:
            reply = await live.read(timeout - (anyio.current_time() - start), settle=settle)
            if live.lost is not None and not reply.messages:
                raise Gone(f"an HTTP reply to {request.method}", live.lost, [reply.sent.index] if reply.sent else [])
            return reply

    def _record_sent(self, request: HttpRequest, exchange: int) -> Entry:
        headers = tuple((name.lower(), value) for name, value in self.headers(request))
        head = HttpHead(f"{request.method} {self._path} HTTP/1.1", headers)
        return self.conversation.record(
            Direction.SENT, request.body, request.value, exchange=exchange, head=head, defect=request.defect
        )

    async def call(self, request: HttpRequest, timeout: float) -> Answer:
        """Send a JSON-RPC request and return its answer, or the HTTP reply that came in its place.

        Raises `Silence` if neither came in time, `Gone` if the connection failed.
        """
        identifier, method = request.value.get("id"), request.value.get("method", "?")
        give_up = anyio.current_time() + timeout
        reply = await self.exchange(request, timeout, settle=True)
        sent = reply.sent
        assert sent is not None
        final, messages = reply.final, reply.messages
        if final is None and reply.ended and reply.event_ids:
            final, messages = await self._poll(request, reply, give_up)
        if final is None and not reply.ended:
            met = "a stream without a response" if reply.media_type == SSE_TYPE else "a reply that did not end"
            raise Silence(f"an answer to {method} within {timeout:g} s", met, [sent.index])
        earlier = tuple(entry for entry in messages if entry is not final)
        value = NO_JSON if final is None else final.value
        return Answer(method, identifier, value, final or sent, earlier, reply.head, reply.body)

    async def _poll(
        self, request: HttpRequest, first: HttpReply, give_up: float
    ) -> tuple[Entry | None, tuple[Entry, ...]]:
        """Take up a stream whose connection the server closed before the response
        (2025-11-25 `basic/transports#sending-messages-to-the-server`)."""
        reply, messages = first, first.messages
        last = first.event_ids[-1]
        for _ in range(_POLLS):
            pause = next((mark.retry / 1000 for mark in reversed(reply.events) if mark.retry is not None), 0.0)
            left = give_up - anyio.current_time() - pause
            if reply.final is not None or left <= 0:
                break
            await anyio.sleep(pause)
            headers = {**request.headers, "content-type": None, "accept": SSE_TYPE, LAST_EVENT_ID: last}
            reply = await self.exchange(HttpRequest("GET", headers=headers, defect=RESUMED), left, settle=True)
            messages += reply.messages
            if reply.media_type != SSE_TYPE:
                break
            last = reply.event_ids[-1] if reply.event_ids else last
        return reply.final, messages


def _pause(head: HttpHead) -> float | None:
    """Return the seconds after which a server that takes no more for now wants the next request; None if it served this
    one (RFC 9110, section 10.2.3; a date in place of seconds is not worth a clock)."""
    if head.status not in _TRIES:
        return None
    told = (head.get("retry-after") or "").strip()
    return float(told) if told.isascii() and told.isdigit() else _PAUSE
