"""Tools that read files: text in ranges of lines or bytes, and everything else as bytes."""

from __future__ import annotations

import os
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from reference_impl.server import ToolError, audio, embedded, image
from reference_impl.server import text as text_block
from reference_impl.server.content import Block
from reference_impl.servers.filesystem.beneath import regular
from reference_impl.servers.filesystem.failures import told
from reference_impl.servers.filesystem.media import guessed_type, sniffed
from reference_impl.servers.filesystem.offers import READS, Arguments, Errand, Offer, PathText, Shown
from reference_impl.servers.filesystem.text import Encoding, Excerpt, TextFile, pread
from reference_impl.servers.filesystem.uris import uri_of
from reference_impl.servers.filesystem.walking import shown

__all__ = ["OFFERS"]

NextOffset = Annotated[int, Meta(description="There is more: read on from this byte")]
Size = Annotated[int, Meta(ge=0, description="Bytes of the whole file")]


class ReadText(Arguments, frozen=True):
    """Arguments of `read_text_file`; a range of lines, one of bytes, or the tail."""

    path: PathText
    first_line: Annotated[int | None, Meta(description="Counted from 1")] = None
    last_line: Annotated[int | None, Meta(description="Counted from 1, and read too")] = None
    tail: Annotated[int | None, Meta(description="Only this many lines from the end")] = None
    offset: Annotated[int | None, Meta(description="First byte, counted from 0")] = None
    length: Annotated[int | None, Meta(description="Bytes")] = None
    encoding: Encoding = "utf-8"
    replace_errors: Annotated[bool, Meta(description="Show bytes that are no text as U+FFFD")] = False


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a text file, and where the rest begins."""

    path: str
    text: str
    size: Size
    first_line: int | UnsetType = UNSET
    last_line: int | UnsetType = UNSET
    offset: int | UnsetType = UNSET
    next_line: Annotated[int, Meta(description="There is more: read on from this line")] | UnsetType = UNSET
    next_offset: NextOffset | UnsetType = UNSET
    replaced: Annotated[int, Meta(description="Characters U+FFFD in the text")] | UnsetType = UNSET


class ReadMedia(Arguments, frozen=True):
    """Arguments of `read_media_file`."""

    path: PathText
    offset: Annotated[int, Meta(ge=0, description="First byte, counted from 0")] = 0
    length: Annotated[int | None, Meta(description="Bytes; all that is allowed at once if left out")] = None


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """What was read; the bytes are in the content beside it."""

    path: str
    mimeType: str  # noqa: N815 - as content blocks have it
    size: Size
    offset: int
    length: Annotated[int, Meta(ge=0, description="Bytes that were read")]
    next_offset: NextOffset | UnsetType = UNSET


def read_text_file(errand: Errand, arguments: ReadText) -> Shown:
    """Return a part of a text file."""
    _check(arguments)
    place = errand.place(arguments.path)

    def step() -> None:
        errand.job.step()
        if errand.job.late:
            raise ToolError(f"{arguments.path}: reading that far takes too long; read by offset, or the tail")

    with told(arguments.path), regular(place) as descriptor:
        limit = errand.limits.read_bytes
        excerpt = _excerpt(TextFile(descriptor, arguments.encoding, limit, step, arguments.replace_errors), arguments)
        size = os.fstat(descriptor).st_size
    first, last = excerpt.lines or (UNSET, UNSET)
    result = Text(
        path=shown(place.path),
        text=excerpt.text,
        size=size,
        first_line=first,
        last_line=last,
        offset=_given(excerpt.offset),
        next_line=_given(excerpt.next_line),
        next_offset=_given(excerpt.next_offset),
        replaced=excerpt.text.count("\ufffd") if arguments.replace_errors else UNSET,
    )
    return Shown(result, [text_block(excerpt.text), *_hints(excerpt)])


def _check(arguments: ReadText) -> None:
    """Check what a schema says badly: which arguments exclude one another, and that they count something."""
    lines = (arguments.first_line, arguments.last_line)
    stretch = (arguments.offset, arguments.length)
    if (lines != (None, None)) + (stretch != (None, None)) + (arguments.tail is not None) > 1:
        raise ToolError("Choose lines (first_line, last_line), bytes (offset, length) or tail, not several of them")
    counts = (*lines, arguments.length, arguments.tail)
    if any(count is not None and count < 1 for count in counts) or (arguments.offset or 0) < 0:
        raise ToolError("Lines, length and tail count from 1, offset from 0")
    if arguments.last_line is not None and arguments.last_line < (arguments.first_line or 1):
        raise ToolError("last_line is before first_line")


def _excerpt(file: TextFile, arguments: ReadText) -> Excerpt:
    if arguments.tail is not None:
        return file.tail(arguments.tail)
    if arguments.offset is not None or arguments.length is not None:
        return file.by_bytes(arguments.offset or 0, arguments.length)
    return file.by_lines(arguments.first_line or 1, arguments.last_line)


def _given(value: int | None) -> int | UnsetType:
    return UNSET if value is None else value


def _hints(excerpt: Excerpt) -> list[Block]:
    """Say how to go on to a model that sees the text alone."""
    if excerpt.cut:
        return [text_block("[The last line is longer than the limit: read the rest of it with offset and length]")]
    if excerpt.next_line is not None:
        return [text_block(f"[There is more: go on with first_line={excerpt.next_line}]")]
    if excerpt.next_offset is not None:
        return [text_block(f"[There is more: go on with offset={excerpt.next_offset}]")]
    return []


def read_media_file(errand: Errand, arguments: ReadMedia) -> Shown:
    """Return the bytes of a file, as the kind of content that they are."""
    place = errand.place(arguments.path)
    limit = errand.limits.media_bytes
    if arguments.length is not None and not 1 <= arguments.length <= limit:
        raise ToolError(f"length is from 1 to {limit} bytes")
    with told(arguments.path), regular(place) as descriptor:
        body = pread(descriptor, arguments.length or limit, arguments.offset)
        size = os.fstat(descriptor).st_size
    whole = len(body) == size
    kind = (sniffed(body) if whole else None) or guessed_type(place.name)
    reached = arguments.offset + len(body)
    result = Media(
        path=shown(place.path),
        mimeType=kind,
        size=size,
        offset=arguments.offset,
        length=len(body),
        next_offset=reached if reached < size else UNSET,
    )
    return Shown(
        result, [_block(body, kind, shown(place.path), whole=whole), text_block(msgspec.json.encode(result).decode())]
    )


def _block(body: bytes, kind: str, path: str, *, whole: bool) -> Block:
    if whole and sniffed(body) is not None:
        return image(body, kind) if kind.startswith("image/") else audio(body, kind)
    return embedded(uri_of(path), body, kind if whole else "application/octet-stream")


OFFERS: tuple[Offer, ...] = (
    Offer(
        "read_text_file",
        "Read text file",
        "Reads a text file, or of a long one the first part, a range of lines or bytes, or the last lines. Says where "
        "the rest begins.",
        ReadText,
        Text,
        read_text_file,
        READS,
    ),
    Offer(
        "read_media_file",
        "Read media file",
        "Reads any file as bytes: images and sounds as such, everything else as an embedded resource in Base64.",
        ReadMedia,
        Media,
        read_media_file,
        READS,
    ),
)
