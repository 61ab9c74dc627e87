"""Server-sent event streams: what a handler puts in, what connections take out, and what a broken one can fetch
again."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator

from reference_impl.protocol.sse import COMMENT, encode_event
from reference_impl.protocol.streamable import SSE_TYPE
from reference_impl.server.http.messages import HttpRequest, until_disconnected

__all__ = [
    "KEEP_ALIVE",
    "MOST_UNREAD",
    "STREAM_HEADERS",
    "EventStream",
    "send_whole_stream",
    "serve_stream_events",
    "watch",
]

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment is sent: below the idle limits of common proxies (nginx 60, CDNs 30)."""
_RETRY_MS = 250
_KEPT = 256
_TOGETHER = 64
"""Most events that are written at once."""
MOST_UNREAD = 4096
"""Messages that may wait on a stream that nobody has to wait for; a reader further behind than that is let go."""


class EventStream:
    """One stream of JSON messages.

    With a `name`, events get ids (`name-number`), and delivered ones are kept for resumption, within bounds
    (`basic/transports#resumability-and-redelivery`). Without, what is delivered is forgotten. `prologue` is
    sent before anything else. With `most_unread`, a reader that falls further behind is let go.
    """

    __slots__ = (
        "_changed",
        "_events",
        "_first",
        "_most_unread",
        "_prologue",
        "_reader",
        "_sent",
        "connected",
        "finished",
        "general",
        "interrupted",
        "name",
        "total",
    )

    def __init__(self, name: str | None = None, *, prologue: bytes = b"", most_unread: int | None = None) -> None:
        self.name = name
        self._prologue = prologue
        self._most_unread = most_unread
        self.total = 0
        self.finished = False
        self.interrupted = False
        self.connected = 0
        self.general = False
        self._first = 1
        self._reader = 0
        self._sent = 0
        self._events: deque[bytes] = deque()
        self._changed: asyncio.Event | None = None  # made for who waits; most streams are complete before anybody does

    def put(self, data: bytes) -> None:
        """Add a message; after the end, and beyond what may wait, it is dropped."""
        if self.finished:
            return
        self.total += 1
        self._events.append(data)
        self.finished = self._most_unread is not None and len(self._events) > self._most_unread
        self.wake()

    def finish(self) -> None:
        """Say that nothing more comes."""
        self.finished = True
        self.wake()

    def interrupt(self) -> None:
        """Let the connection go, not the stream: the client comes back for the rest."""
        self.interrupted = True
        self.wake()

    def wake(self) -> None:
        """Make whoever waits look again."""
        if self._changed is not None:
            self._changed.set()

    async def wait(self, timeout: float) -> bool:
        """Wait for a change since the last wait; False if none came within `timeout` seconds.

        Callers look at the stream before they wait for the first time."""
        self._changed = changed = self._changed or asyncio.Event()
        try:
            async with asyncio.timeout(timeout):
                await changed.wait()
        except TimeoutError:
            return False
        changed.clear()
        return True

    @property
    def behind(self) -> bool:
        """Whether the reader is as far behind as one may be."""
        return len(self._events) >= MOST_UNREAD

    @property
    def unsent(self) -> bool:
        """Whether the last connection ended before everything was written to it."""
        return self._sent < self.total

    @property
    def only(self) -> bytes:
        """The only message put in so far."""
        return self._events[0]

    def has(self, number: int) -> bool:
        """Tell whether a client that last saw event `number` can go on from there."""
        return self._first - 1 <= number <= self.total

    async def read(self, position: int, gone: asyncio.Future[None]) -> AsyncGenerator[bytes, None]:
        """Yield encoded events after `position` until the stream ends, is interrupted, or the client has gone.

        One connection reads at a time: a new one takes over from an old one that has not noticed its end yet.
        """
        self._reader += 1
        reader = self._reader
        self._sent = position
        self.wake()
        if self._prologue and reader == 1:
            yield self._prologue  # whoever comes back has its id already, and no id is given twice
        while not gone.done() and reader == self._reader:
            while position < self.total and not gone.done():
                after, position = position, min(self.total, position + _TOGETHER)
                yield b"".join(self._encoded(after, position))
                self._sent = position
                self._forget(position)
            if self.finished:
                return
            if self.interrupted:
                self.interrupted = False
                yield encode_event(b"", self._id(position), retry=_RETRY_MS)
                return
            if not await self.wait(KEEP_ALIVE):
                yield COMMENT

    def read_all(self) -> bytes:
        """Return a stream that nobody has read and that is complete, as a whole."""
        self._reader += 1
        whole = b"".join((self._prologue, *self._encoded(0, self.total)))
        self._sent = self.total
        self._forget(self.total)
        return whole

    def _encoded(self, after: int, last: int) -> list[bytes]:
        first = self._first
        return [encode_event(self._events[n - first], self._id(n)) for n in range(after + 1, last + 1)]

    def _forget(self, position: int) -> None:
        keep = 0 if self.name is None else _KEPT
        while position - self._first >= keep:
            self._events.popleft()
            self._first += 1

    def _id(self, number: int) -> str | None:
        return None if self.name is None else f"{self.name}-{number}"


STREAM_HEADERS = [
    (b"content-type", SSE_TYPE.encode()),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


async def serve_stream_events(
    request: HttpRequest, stream: EventStream, position: int, gone: asyncio.Future[None]
) -> None:
    """Send a stream as the response to `request`, from after `position` on."""
    stream.connected += 1
    try:
        await request.send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        # Headers leave with the first bytes of a body; a comment makes that now, so that no proxy or client waits for
        # an event.
        await request.send({"type": "http.response.body", "body": COMMENT, "more_body": True})
        async with contextlib.aclosing(stream.read(position, gone)) as chunks:
            async for chunk in chunks:
                await request.send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        stream.connected -= 1
    if not gone.done():
        await request.send({"type": "http.response.body", "body": b""})


async def send_whole_stream(request: HttpRequest, stream: EventStream) -> None:
    """Send a stream that is complete already as the response to `request`."""
    body = stream.read_all()
    headers = [*STREAM_HEADERS, (b"content-length", b"%d" % len(body))]
    await request.send({"type": "http.response.start", "status": 200, "headers": headers})
    await request.send({"type": "http.response.body", "body": body})


def watch(request: HttpRequest, stream: EventStream) -> asyncio.Task[None]:
    """Return a task that ends when the client has gone, and wakes the stream then."""
    task = asyncio.ensure_future(until_disconnected(request.receive))
    task.add_done_callback(lambda _task: stream.wake())
    return task
