"""From bytes on the wire to text: unpacked within bounds, decoded whatever the answer says about itself."""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Callable

from reference_impl.servers.web.errors import FetchError, Refused

__all__ = ["ENCODINGS", "Unpacking", "decoded", "media_type"]

ENCODINGS = "gzip"
"""What `accept-encoding` says. Others are packed tighter, and their bombs burst harder."""
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,60}/[a-z0-9!#$&^_.+-]{1,80}")
_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 47}
_META_CHARSET = re.compile(
    rb"""<meta[^>]{1,200}?charset\s{0,8}=\s{0,8}["']?\s{0,8}([A-Za-z0-9_:.-]{1,40})""", re.IGNORECASE
)
_XML_CHARSET = re.compile(rb"""^\s{0,8}<\?xml[^>]{1,100}?encoding\s{0,8}=\s{0,8}["']([A-Za-z0-9_:.-]{1,40})""")
_SNIFFED = 1024
_OVERHEAD = 65536
"""Bytes by which packed data may be longer than what it unpacks to."""
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_AS_BROWSERS_DO = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "utf-16": "utf-16-le",
}
_KNOWN = frozenset(
    {"utf-8", "utf-16-le", "utf-16-be", "gb18030", "big5", "big5hkscs", "euc_jp", "iso2022_jp", "shift_jis", "euc_kr"}
    | {"cp949", "cp932", "koi8-r", "koi8-u", "mac-roman", "cp866", "cp874", "tis-620"}
    | {f"cp125{number}" for number in range(9)}
    | {f"iso8859-{number}" for number in range(2, 17) if number != 12}
)
"""Character encodings of the web by Python's names; its codecs know others, some of which are no encodings of text."""


class Unpacking:
    """Takes a body as it comes and keeps what it unpacks to, up to `most` bytes; `full` says that no more is taken.

    Raises `Refused` for a coding that was not asked for.
    """

    def __init__(self, coding: str, most: int) -> None:
        name = coding.strip().lower()
        if name not in ("", "identity", *_WBITS):
            raise Refused("the answer is packed in a way that was not asked for")
        self._new: Callable[[], zlib._Decompress] | None = None
        if name in _WBITS:
            self._new = lambda: zlib.decompressobj(_WBITS[name])
        self._unpacker = self._new() if self._new else None
        self._most = most
        self._parts: list[bytes] = []
        self._size = 0
        self._taken = 0
        self.full = False

    def feed(self, data: bytes) -> None:
        """Take a piece. Raises `FetchError` for what is not packed as it says."""
        if self._new is None:
            self._keep(data)
            return
        self._taken += len(data)
        self.full = self.full or self._taken > self._most + _OVERHEAD  # many members of nothing unpack to nothing
        while data and not self.full:
            if self._unpacker is None:
                self._unpacker = self._new()  # several members follow each other (RFC 1952, 2.2)
            data = self._unpack(self._unpacker, data)

    def _unpack(self, unpacker: zlib._Decompress, data: bytes) -> bytes:
        try:
            self._keep(unpacker.decompress(data, self._most + 1 - self._size))
        except zlib.error:
            if not self._parts:
                raise FetchError("the answer is not packed as it says, or damaged") from None
            self.full = True  # rubbish after the end, or in the middle: what came before it is kept
            return b""
        if unpacker.eof:
            self._unpacker = None
            return unpacker.unused_data
        return unpacker.unconsumed_tail

    def _keep(self, data: bytes) -> None:
        room = self._most - self._size
        self.full = self.full or len(data) > room
        self._parts.append(data[:room])
        self._size += min(len(data), room)

    def finish(self) -> bytes:
        """Return what was kept. A packed body that ends before its end counts as cut."""
        self.full = self.full or (self._new is not None and self._unpacker is not None)
        return b"".join(self._parts)


def media_type(field: str) -> tuple[str, str | None]:
    """Return the media type in lower case and the charset that a Content-Type field names; of several, the last. A
    type that is none counts as not said: what it says instead is shown to nobody."""
    last = field.rpartition(",")[2] if "," in field else field
    kind, _, rest = last.partition(";")
    found = re.search(r"""charset\s*=\s*["']?([A-Za-z0-9_:.-]{1,40})""", rest, re.IGNORECASE)
    name = kind.strip().lower()
    return (name if _MEDIA_TYPE.fullmatch(name) else ""), found[1] if found else None


def decoded(data: bytes, charset: str | None) -> str:
    """Return a body as text: by its byte order mark, by what was said of it, by what it says itself, as UTF-8 if it is
    that, and else as Western (WHATWG HTML, 13.2.3.2). Never raises."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    named = _known(charset) or _declared(data)
    if named is None:
        return _guessed(data)
    return data.decode(named, "replace")


def _declared(data: bytes) -> str | None:
    found = _XML_CHARSET.search(data[:_SNIFFED]) or _META_CHARSET.search(data[:_SNIFFED])
    encoding = _known(found[1].decode()) if found else None
    return "utf-8" if encoding in ("utf-16-le", "utf-16-be") else encoding  # it could be read, so it is not that


def _known(label: str | None) -> str | None:
    try:
        name = codecs.lookup(label).name if label else ""
    except LookupError:
        return None
    name = _AS_BROWSERS_DO.get(name, name)
    return name if name in _KNOWN else None


def _guessed(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        cut = error.start >= len(data) - 3  # the size limit cut a character in two
        return data.decode("utf-8" if cut else "cp1252", "replace")
