"""The link over Streamable HTTP: each message is a POST of its own, answered by JSON or by a stream of events."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import anyio

from conformance.links import Answer, Gone, Listener, Silence, decode
from conformance.target import HttpTarget
from conformance.transcript import NO_JSON, Conversation, Direction, Entry, HttpHead, owner
from reference_impl.protocol.sse import EventReader
from reference_impl.protocol.streamable import SSE_TYPE, media_type
from reference_impl.transports.http import (
    BadHttp,
    ConnectFailed,
    ConnectionLost,
    HttpPool,
    HttpResponse,
)

__all__ = ["HttpLink", "HttpReply", "HttpRequest"]

_TAIL = 1.0
"""Seconds that a stream may stay open after its response before we close it ourselves."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request. A header whose value is None is left out, even one that we would add."""

    method: str = "POST"
    body: bytes = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    value: Any = NO_JSON
    defect: str | None = None


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One HTTP response, read as far as it was waited for.

    `messages` are the entries of the JSON-RPC messages in it; `events` counts server-sent events (those without data
    too), `event_ids` are the ids that they carried; `ended` says that the body came to its end.
    """

    head: HttpHead
    body: bytes
    messages: tuple[Entry, ...]
    ended: bool
    event_ids: tuple[str, ...] = ()
    sent: Entry | None = None

    @property
    def status(self) -> int:
        """The status code."""
        return self.head.status or 0

    @property
    def media_type(self) -> str:
        """The content type without parameters, lower case."""
        return media_type(self.head.get("content-type"))

    def describe(self) -> str:
        """Return the reply in a line, for a failure's `actual`."""
        body = self.body.decode("utf-8", "replace")
        return f"HTTP {self.status} ({self.media_type or 'no content type'}): {body[:200] or 'an empty body'}"


@dataclass(slots=True)
class _Reading:
    """What has come of a reply so far."""

    exchange: int
    request: HttpRequest
    messages: list[Entry] = field(default_factory=list)
    event_ids: list[str] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    final: Entry | None = None


class HttpLink:
    """Exchanges with one MCP endpoint; `read` is not needed, since every reply belongs to its request."""

    def __init__(self, target: HttpTarget, conversation: Conversation, pool: HttpPool) -> None:
        self.conversation = conversation
        self.listener: Listener | None = None
        self._target = target
        self._pool = pool
        parts = urlsplit(target.url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._host = parts.netloc.rpartition("@")[2]
        self._exchanges = 0

    def headers(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Return the headers as they go out: ours, the user's, then the request's own."""
        merged: dict[str, str | None] = {"host": self._host, "user-agent": "touchstone"}
        merged |= {name.lower(): value for name, value in self._target.headers.items()}
        merged |= {name.lower(): value for name, value in request.headers.items()}
        if request.method == "POST":
            merged["content-length"] = str(len(request.body))
        return [(name, value) for name, value in merged.items() if value is not None]

    async def exchange(self, request: HttpRequest, timeout: float, until: Any = NO_JSON) -> HttpReply:
        """Send a request and read the reply: to its end or, with `until`, to the response for that id.

        Raises `Silence` if no head came in time, `Gone` if the connection failed.
        """
        self._exchanges += 1
        reading = _Reading(self._exchanges, request)
        sent = self._record_sent(request, reading.exchange)
        head: HttpHead | None = None
        ended = False
        try:
            with anyio.move_on_after(timeout) as deadline:
                async with AsyncExitStack() as stack:
                    response = await stack.enter_async_context(
                        self._pool.exchange(request.method, self._path, self.headers(request), request.body, exact=True)
                    )
                    head = self._record_head(response, reading)
                    ended = await self._read_body(response, head, reading, (until, deadline))
        except (ConnectFailed, ConnectionLost, BadHttp) as error:
            if head is None or not reading.messages:
                raise Gone(f"an HTTP reply to {request.method}", str(error), [sent.index]) from None
        if head is None:
            raise Silence(f"an HTTP reply to {request.method} within {timeout:g} s", "silence", [sent.index])
        return HttpReply(head, bytes(reading.body), tuple(reading.messages), ended, tuple(reading.event_ids), sent)

    def _record_sent(self, request: HttpRequest, exchange: int) -> Entry:
        head = HttpHead(f"{request.method} {self._path} HTTP/1.1", tuple(self.headers(request)))
        return self.conversation.record(
            Direction.SENT, request.body, request.value, exchange=exchange, head=head, defect=request.defect
        )

    def _record_head(self, response: HttpResponse, reading: _Reading) -> HttpHead:
        headers = tuple(response.headers)
        head = HttpHead(f"HTTP/1.1 {response.status}", headers, response.status)
        self.conversation.record(
            Direction.RECEIVED, b"", exchange=reading.exchange, head=head, defect=reading.request.defect
        )
        return head

    async def _read_body(
        self, response: HttpResponse, head: HttpHead, reading: _Reading, end: tuple[Any, anyio.CancelScope]
    ) -> bool:
        until, deadline = end
        if media_type(head.get("content-type")) != SSE_TYPE:
            async for chunk in response:
                reading.body += chunk
            if reading.body:
                await self._take(bytes(reading.body), reading)
            return True
        events = EventReader()
        async for chunk in response:
            reading.body += chunk
            for event in events.feed(chunk):
                if event.id is not None:
                    reading.event_ids.append(event.id)
                if event.data:
                    await self._take(event.data.encode(), reading)
            if until is not NO_JSON and reading.final is not None:
                # The stream should end by itself now (`#receiving-messages`); it gets a moment to do so.
                deadline.deadline = min(deadline.deadline, anyio.current_time() + _TAIL)
        return True

    async def _take(self, data: bytes, reading: _Reading) -> None:
        value = decode(data)
        entry = self.conversation.record(
            Direction.RECEIVED,
            data,
            value,
            exchange=reading.exchange,
            owned_by=owner.get(),
            defect=reading.request.defect,
        )
        reading.messages.append(entry)
        if entry.is_response():
            reading.final = entry
        elif self.listener is not None:
            await self.listener(entry)

    async def call(self, request: HttpRequest, timeout: float) -> Answer:
        """Send a JSON-RPC request and return its answer, or the HTTP reply that came in its place.

        Raises `Silence` if neither came in time, `Gone` if the connection failed.
        """
        identifier, method = request.value.get("id"), request.value.get("method", "?")
        reply = await self.exchange(request, timeout, until=identifier)
        final = next((entry for entry in reversed(reply.messages) if entry.is_response()), None)
        sent = reply.sent
        assert sent is not None
        if final is None and reply.media_type == SSE_TYPE and not reply.ended:
            raise Silence(f"an answer to {method} within {timeout:g} s", "a stream without a response", [sent.index])
        earlier = tuple(entry for entry in reply.messages if entry is not final)
        value = NO_JSON if final is None else final.value
        return Answer(method, identifier, value, final or sent, earlier, reply.head, reply.body)
