"""One HTTP request of ours, and its reply as far as it was waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio

from conformance.channel import decode
from conformance.http_events import event_marks
from conformance.links import Listener
from conformance.transcript import NO_JSON, Conversation, Direction, Entry, EventMark, HttpBody, HttpHead, owner
from reference_impl.protocol.sse import EventReader
from reference_impl.protocol.streamable import SSE_TYPE, media_type
from reference_impl.transports.http import BODY_LIMIT, BadHttp, ConnectionLost, HttpResponse

__all__ = ["HttpReply", "HttpRequest", "LiveReply", "chunked"]

TAIL = 1.0
"""Seconds that a stream may stay open after its response before we close it ourselves."""


def chunked(pieces: Iterable[bytes]) -> bytes:
    """Write pieces, none of them empty, as a body in the chunked transfer coding (RFC 9112 section 7.1)."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request. Names of headers go out as spelled; one whose value is None is left out, even one of ours."""

    method: str = "POST"
    body: bytes = b""
    headers: Mapping[str, str | None] = field(default_factory=dict)
    value: Any = NO_JSON
    defect: str | None = None


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One HTTP response, read as far as it was waited for.

    `messages` are the entries of the JSON-RPC messages in it (or the one of a body that is no JSON); `events` the
    server-sent events, those without data too; `ended` says that the body came to its end.
    """

    head: HttpHead
    body: bytes
    messages: tuple[Entry, ...]
    ended: bool
    events: tuple[EventMark, ...] = ()
    sent: Entry | None = None

    @property
    def status(self) -> int:
        """The status code."""
        return self.head.status or 0

    @property
    def media_type(self) -> str:
        """The content type without parameters, lower case."""
        return media_type(self.head.get("content-type"))

    @property
    def event_ids(self) -> tuple[str, ...]:
        """The ids that events carried."""
        return tuple(mark.id for mark in self.events if mark.id)

    @property
    def final(self) -> Entry | None:
        """The last JSON-RPC response in it, or None."""
        return next((entry for entry in reversed(self.messages) if entry.is_response()), None)

    def describe(self) -> str:
        """Return the reply in a line, for a failure's `actual`."""
        body = self.body.decode("utf-8", "replace")
        return f"HTTP {self.status} ({self.media_type or 'no content type'}): {body[:200] or 'an empty body'}"


class LiveReply:
    """A reply whose head is there and whose body is read piece by piece, when a check asks for it."""

    def __init__(
        self,
        conversation: Conversation,
        listener: Listener | None,
        response: HttpResponse,
        request: tuple[HttpRequest, Entry],
    ) -> None:
        self._conversation, self._listener = conversation, listener
        self._response = response
        self._request, self._sent = request
        self._reader = EventReader()
        self._body = bytearray()
        self._messages: list[Entry] = []
        self._lingered = False
        self.ended = False
        self.lost: str | None = None
        """How the connection failed before the end of the body, if it did."""
        self.head = HttpHead(f"HTTP/1.1 {response.status}", tuple(response.headers), response.status)
        self._record(b"", head=self.head)

    @property
    def streams(self) -> bool:
        """Whether the body is a stream of events."""
        return media_type(self.head.get("content-type")) == SSE_TYPE

    def reply(self) -> HttpReply:
        """Return what has come so far."""
        body = bytes(self._body)
        marks = event_marks(body) if self.streams else ()
        return HttpReply(self.head, body, tuple(self._messages), self.ended, marks, self._sent)

    async def read(
        self, timeout: float, until: Callable[[HttpReply], bool] | None = None, *, settle: bool = False
    ) -> HttpReply:
        """Read to the end of the body, to the deadline, or until what has come satisfies `until`.

        With `settle`, a stream that has brought its response gets a moment to end, and no more.
        """
        with anyio.move_on_after(timeout) as deadline:
            try:
                async for chunk in self._response:
                    await self._take(chunk)
                    if until is not None and until(self.reply()):
                        return self.reply()
                    if settle and any(entry.is_response() for entry in self._messages):
                        deadline.deadline = min(deadline.deadline, anyio.current_time() + TAIL)
                self.ended = True
                await self._take_whole()
            except (ConnectionLost, BadHttp) as error:
                self.lost = str(error)
        self._lingered = settle and deadline.cancelled_caught and bool(self._messages)
        return self.reply()

    async def _take(self, chunk: bytes) -> None:
        self._body += chunk
        if len(self._body) > BODY_LIMIT:
            raise BadHttp(f"the body is longer than {BODY_LIMIT >> 20} MiB")
        if self.streams:
            for event in self._reader.feed(chunk):
                if event.data:
                    await self._take_message(event.data.encode())

    async def _take_whole(self) -> None:
        if self._body and not self.streams and not self._messages:
            await self._take_message(bytes(self._body))

    async def _take_message(self, data: bytes) -> None:
        value = decode(data)
        if self._response.status >= 400 and isinstance(value, dict) and "jsonrpc" not in value:
            # The body of a refusal may be a JSON-RPC error; OAuth and gateways have errors of their own, in JSON too.
            value = NO_JSON
        entry = self._record(data, value)
        self._messages.append(entry)
        if not entry.is_response() and self._listener is not None:
            await self._listener(entry)

    def _record(self, data: bytes, value: Any = NO_JSON, head: HttpHead | None = None) -> Entry:
        return self._conversation.record(
            Direction.RECEIVED,
            data,
            value,
            exchange=self._sent.exchange,
            head=head,
            owned_by=owner.get(),
            defect=self._request.defect,
        )

    def note(self) -> None:
        """Write the facts about the body into the transcript."""
        facts = HttpBody(self.ended, self._lingered, self.reply().events)
        self._conversation.bodies[self._sent.exchange] = facts
