"""The framing of stdio: one message, one line, ended by byte 0x0A and by nothing else.

U+2028, U+2029 and U+0085 are ordinary characters inside JSON strings, so lines are found in bytes, never in text
(`basic/transports/stdio#top`).
"""

from __future__ import annotations

from reference_impl.protocol.errors import LocalProtocolError

__all__ = ["DEFAULT_LIMIT", "Line", "LineReader", "Overlong", "frame"]

DEFAULT_LIMIT = 64 * 1024 * 1024
"""Longest line in bytes that a reader keeps. The specification names no limit; 64 KiB is too small in the field."""

Line = bytes


class Overlong:
    """Stands in the sequence of lines for one that went over the limit and was dropped."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size


class LineReader:
    """Cuts a stream of bytes into lines, however the bytes were cut before.

    `feed` takes any chunk and returns the lines that it completed, without their line ends; a carriage return before
    the line end belongs to the line end. `rest` is what an end of stream leaves behind.
    """

    __slots__ = ("_dropped", "_limit", "_parts", "_size")

    def __init__(self, limit: int = DEFAULT_LIMIT) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._dropped = 0

    def feed(self, chunk: bytes) -> list[Line | Overlong]:
        """Take the next bytes; return the lines they complete, in order."""
        *complete, rest = chunk.split(b"\n")
        lines = [self._finish(part) for part in complete]
        self._keep(rest)
        return lines

    @property
    def rest(self) -> bytes:
        """The bytes of a line that has not ended."""
        return b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        if self._dropped or self._size + len(part) > self._limit:
            self._dropped += self._size + len(part)
            self._parts.clear()
            self._size = 0
        elif part:
            self._parts.append(part)
            self._size += len(part)

    def _finish(self, part: bytes) -> Line | Overlong:
        self._keep(part)
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            return Overlong(dropped)
        line = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return line[:-1] if line.endswith(b"\r") else line


def frame(message: bytes) -> bytes:
    """Return `message` as a line. Raises `LocalProtocolError` if it holds a raw newline."""
    if b"\n" in message:
        raise LocalProtocolError("a message on stdio must not contain a newline")
    return message + b"\n"
