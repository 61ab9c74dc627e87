"""Parts of a text file, in lines or bytes, never more than a given number of bytes at once."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from reference_impl.server import ToolError

__all__ = ["Encoding", "Excerpt", "TextFile", "pieces", "pread"]

Encoding = Literal["utf-8", "utf-16", "latin-1", "windows-1252"]
_CHUNK = 64 * 1024
_FURTHEST = 2**62
"""No file has a byte beyond this one; systems take no larger offset."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a text. `lines` are the numbers of its first and last line, where they are known, `last` 0 for none;
    `offset` is where its bytes begin, where that is known. `next_line` and `next_offset` say where the rest begins, if
    the limit cut it off or the range ended before the file; `cut`: the last line is not whole."""

    text: str
    lines: tuple[int, int] | None = None
    offset: int | None = None
    next_line: int | None = None
    next_offset: int | None = None
    cut: bool = False


@dataclass(frozen=True, slots=True)
class TextFile:
    """An open file read as text. `limit` is how many bytes of text to give out; `step` is called now and then, and
    raises what ends the reading. With `lenient`, bytes that are no text become U+FFFD, else they are `ToolError`."""

    descriptor: int
    encoding: Encoding
    limit: int
    step: Callable[[], None]
    lenient: bool = False

    def by_lines(self, first: int, last: int | None) -> Excerpt:
        """Return the lines from `first` (counted from 1) to `last`, or as many of them as the limit admits."""
        taking = _Lines(first, last, self.limit)
        decoder = codecs.getincrementaldecoder(self.encoding)("replace" if self.lenient else "strict")
        position = 0
        while not taking.done:
            self.step()
            raw = os.read(self.descriptor, _CHUNK)
            taking.take(self._decoded(decoder, raw, position))
            if not raw:
                taking.end()
            position += len(raw)
        return taking.excerpt()

    def by_bytes(self, offset: int, length: int | None) -> Excerpt:
        """Return the characters that begin and end within `length` bytes from `offset`."""
        self._demand_single()
        wanted = self.limit if length is None else min(length, self.limit)
        size = os.fstat(self.descriptor).st_size
        raw = pread(self.descriptor, wanted, offset)
        start = _continuation(raw) if self.encoding == "utf-8" and offset else 0
        reached = offset + len(raw)
        decoder = codecs.getincrementaldecoder(self.encoding)("replace" if self.lenient else "strict")
        text = self._decoded(decoder, raw[start:], offset + start, final=reached >= size)
        held = len(decoder.getstate()[0])
        if held and not text:
            raise ToolError(f"{wanted} bytes are too few for the character at byte {offset}")
        rest = reached - held
        return Excerpt(
            text,
            offset=offset + start,
            next_offset=rest if rest < size else None,
        )

    def tail(self, count: int) -> Excerpt:
        """Return the last lines, or as many of them as the limit admits."""
        self._demand_single()
        size = os.fstat(self.descriptor).st_size
        raw = pread(self.descriptor, self.limit, max(0, size - self.limit))
        lines = _split(raw)
        if len(raw) < size and len(lines) > 1:
            lines = lines[1:]  # its beginning is not there
        kept = b"".join(lines[-count:])
        return self.by_bytes(size - len(kept), len(kept)) if kept else Excerpt("", offset=size)

    def _decoded(
        self, decoder: codecs.IncrementalDecoder, raw: bytes, position: int, *, final: bool | None = None
    ) -> str:
        held = len(decoder.getstate()[0])
        try:
            return decoder.decode(raw, final=not raw if final is None else final)
        except UnicodeDecodeError as error:
            at = position - held + error.start
            what = f"byte 0x{error.object[error.start]:02x} at offset {at}" if error.object else f"offset {at}"
            raise ToolError(
                f"This is no {self.encoding} text ({what}): name its encoding, set replace_errors, or use "
                "read_media_file"
            ) from None

    def _demand_single(self) -> None:
        if self.encoding == "utf-16":
            raise ToolError("utf-16 is read by lines alone: leave out offset, length and tail")


def pread(descriptor: int, length: int, offset: int) -> bytes:
    """Read `length` bytes, or what there is of them."""
    parts, wanted = [], length if offset < _FURTHEST else 0
    while wanted > 0:
        part = os.pread(descriptor, min(wanted, _CHUNK * 16), offset)
        if not part:
            break
        parts.append(part)
        wanted -= len(part)
        offset += len(part)
    return b"".join(parts)


def _split(raw: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in raw.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _continuation(raw: bytes) -> int:
    """Return how many bytes at the beginning belong to a character that began before."""
    for count in range(min(3, len(raw))):
        if raw[count] & 0xC0 != 0x80:
            return count
    return min(3, len(raw))


class _Lines:
    """Gathers some lines of a text that comes in pieces, and holds no more of it than it gives out."""

    def __init__(self, first: int, last: int | None, limit: int) -> None:
        self._first, self._last, self._room = first, last, limit
        self._line = 1
        self._taken: list[str] = []
        self._whole = 0
        self.done = self.cut = False
        self._next: int | None = None

    def take(self, text: str) -> None:
        for piece in pieces(text):
            if self.done:
                return
            self._take(piece)

    def _take(self, piece: str) -> None:
        if self._last is not None and self._line > self._last:
            self._next, self.done = self._line, True
            return
        if self._line >= self._first:
            size = len(piece.encode())
            if size > self._room:
                self._cut(piece)
                return
            self._room -= size
            self._taken.append(piece)
        if piece.endswith("\n"):
            self._line += 1
            self._whole = len(self._taken)

    def _cut(self, piece: str) -> None:
        """End before a line that does not fit; one that fills the limit alone is given out in part."""
        self.cut = not self._whole
        if self.cut:
            self._taken.append(piece.encode()[: self._room].decode(errors="ignore"))
        else:
            del self._taken[self._whole :]
        self._next, self.done = self._line + self.cut, True

    def end(self) -> None:
        self.done = True

    def excerpt(self) -> Excerpt:
        text = "".join(self._taken)
        count = text.count("\n") + (not text.endswith("\n")) if text else 0
        return Excerpt(text, (self._first, self._first + count - 1), next_line=self._next, cut=self.cut)


def pieces(text: str) -> Iterator[str]:
    """Yield the lines of a text with their ends; nothing but a newline ends one."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end
