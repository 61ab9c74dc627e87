"""Server-sent events, both ways (WHATWG HTML, section 9.2: event stream interpretation)."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from reference_impl.protocol.errors import ProtocolError

__all__ = ["COMMENT", "Event", "EventReader", "OversizedEvent", "encode_event"]

COMMENT = b":\r\n"
"""A line that every reader ignores: keeps idle connections open."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LONGEST_RETRY = 18
"""Digits of a `retry`, in milliseconds: more than anybody will wait. Python refuses to read some thousands of them."""


class OversizedEvent(ProtocolError):  # noqa: N818 - the name says what came
    """An event goes over the reader's limit: nothing more can be read from its stream."""


@dataclass(frozen=True, slots=True)
class Event:
    """One dispatched event. `id` is the last event id in force, or None if the stream never set one."""

    data: str
    event: str = "message"
    id: str | None = None
    retry: int | None = None


class EventReader:
    """Turns bytes, however cut, into events; CR, LF and CRLF all end a line.

    Fields that carry no data (a lone `id` or `retry`) are dispatched too, with empty data, since the protocol primes
    streams that way (2025-11-25 `basic/transports#sending-messages-to-the-server`); callers skip empty data. `limit` is
    the most bytes that an event under way may take up, comments aside.
    """

    __slots__ = (
        "_after_cr",
        "_buffer",
        "_data",
        "_event",
        "_held",
        "_id",
        "_limit",
        "_parts",
        "_retry",
        "_seen",
        "_size",
        "_started",
        "comments",
    )

    def __init__(self, limit: int = sys.maxsize) -> None:
        self._limit = limit
        self._size = 0
        self._buffer = b""
        self._parts: list[bytes] = []
        self._started = False
        self._after_cr = False
        self._id: str | None = None
        self.comments = 0
        self._reset()

    def _reset(self) -> None:
        self._data: list[str] = []
        self._event = ""
        self._retry: int | None = None
        self._seen = False
        self._held = 0

    def feed(self, chunk: bytes) -> list[Event]:
        """Take the next bytes; return the events they complete, in order. Raises `OversizedEvent`."""
        if not chunk:
            return []
        self._parts.append(chunk)
        if self._started and b"\n" not in chunk and b"\r" not in chunk:
            self._measure(self._size + len(chunk))
            return []  # no line ends here: a long one is put together once, not with every chunk
        self._buffer = b"".join((self._buffer, *self._parts))
        self._parts.clear()
        if not self._started:
            if _BYTE_ORDER_MARK.startswith(self._buffer):
                return []  # what may still become the mark, which is no part of the first line
            self._buffer = self._buffer.removeprefix(_BYTE_ORDER_MARK)
            self._started = True
        events = []
        for line in self._lines():
            event = self._line(line.decode("utf-8", "replace"))
            if event is not None:
                events.append(event)
        self._measure(self._held + len(self._buffer))
        return events

    def _measure(self, size: int) -> None:
        """Note how many bytes the event under way takes up."""
        self._size = size
        if size > self._limit:
            raise OversizedEvent(f"an event is longer than {self._limit} bytes")

    def _lines(self) -> list[bytes]:
        if self._after_cr:
            # A CR that ended the last chunk ended its line; an LF that follows is the rest of the same CRLF.
            self._buffer = self._buffer.removeprefix(b"\n")
        self._after_cr = self._buffer.endswith(b"\r")
        *lines, self._buffer = self._buffer.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        return lines

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._dispatch()
        if line.startswith(":"):
            self.comments += 1
            return None
        self._held += len(line)
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "data":
                self._data.append(value)
            case "event":
                self._event = value
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdigit() and len(value) <= _LONGEST_RETRY:
                self._retry = int(value)
            case _:
                return None
        self._seen = True
        return None

    def _dispatch(self) -> Event | None:
        if not self._seen:
            self._reset()
            return None
        event = Event("\n".join(self._data), self._event or "message", self._id, self._retry)
        self._reset()
        return event


def encode_event(data: bytes, event_id: str | None = None, event: str | None = None, retry: int | None = None) -> bytes:
    """Write one event. `data` holds no raw line end (our JSON never does), so that one `data` field carries it."""
    parts = []
    if event is not None:
        parts.append(b"event: " + event.encode() + b"\n")
    if event_id is not None:
        parts.append(b"id: " + event_id.encode() + b"\n")
    if retry is not None:
        parts.append(b"retry: %d\n" % retry)
    parts.append(b"data: " + data + b"\n\n")
    return b"".join(parts)
