"""HdrHistograms read back: what a load run recorded, as values and counts, without the library that recorded it.

The format is V2 of the HdrHistogram project, compressed and in base64: a big-endian header, then the counts of the
buckets as zigzag varints in which a negative number stands for that many empty buckets in a row.
"""

import base64
import binascii
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, floor, log2

_COMPRESSED = 0x1C849304
_PLAIN = 0x1C849303
_COOKIE_BASE = 0xFFFFFF0F  # the middle nibble tells the width of a word, which V2 does not use
_WORD = 0x10  # and which its writers set to this

_OUTER = struct.Struct(">II")
_INNER = struct.Struct(">IIiiqqd")

# What a run of hours needs is far below this; a longer payload is not one of ours.
_MOST_BYTES = 1 << 22


class HistogramError(ValueError):
    """The text is no HdrHistogram in the V2 compressed encoding."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """`count` values of at most `value`, in the unit in which they were recorded."""

    value: int
    count: int


def decode(encoded: str) -> tuple[Bucket, ...]:
    """Return the buckets that are not empty, lowest first. Raises HistogramError."""
    try:
        packed = base64.b64decode(encoded, validate=True)
        cookie, length = _OUTER.unpack_from(packed)
        unpack = zlib.decompressobj()
        plain = unpack.decompress(packed[_OUTER.size : _OUTER.size + length], _MOST_BYTES)
        inner, size, _, figures, lowest, _, _ = _INNER.unpack_from(plain)
    except (binascii.Error, struct.error, zlib.error) as error:
        raise HistogramError(f"not an encoded histogram: {error}") from error
    if cookie & _COOKIE_BASE != _COMPRESSED & _COOKIE_BASE or inner & _COOKIE_BASE != _PLAIN & _COOKIE_BASE:
        raise HistogramError("not an encoded histogram of version 2")
    if not 0 <= figures <= 5 or lowest < 1:
        raise HistogramError("the histogram's header makes no sense")
    payload = plain[_INNER.size : _INNER.size + size]
    if len(payload) < size:
        raise HistogramError("the histogram is cut short")
    resolution = _Resolution.of(lowest, figures)
    return tuple(Bucket(resolution.highest(index), count) for index, count in _counts(payload))


def encode(values: Mapping[int, int], highest: int, figures: int = 3) -> str:
    """Return whole numbers from 1 to `highest`, each with how often it came, as a histogram of so many figures."""
    half = _Resolution.of(1, figures).half
    counts: dict[int, int] = {}
    for value, count in values.items():
        doubling = max(0, value.bit_length() - half - 1)
        index = (doubling << half) + (value >> doubling)
        counts[index] = counts.get(index, 0) + count
    payload = b"".join(map(_varint, _runs(counts)))
    plain = _INNER.pack(_PLAIN | _WORD, len(payload), 0, figures, 1, highest, 1.0) + payload
    packed = zlib.compress(plain)
    return base64.b64encode(_OUTER.pack(_COMPRESSED | _WORD, len(packed)) + packed).decode()


def _runs(counts: Mapping[int, int]) -> Iterator[int]:
    """The counts by index, with a negative number for each run of zeros."""
    following = 0
    for index in sorted(counts):
        if index > following:
            yield following - index
        yield counts[index]
        following = index + 1


def _varint(number: int) -> bytes:
    zigzag = (number << 1) ^ (number >> 63)
    out = bytearray()
    while zigzag >= 0x80 and len(out) < 8:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    out.append(zigzag)
    return bytes(out)


def quantiles(buckets: tuple[Bucket, ...]) -> Iterator[tuple[float, int]]:
    """Yield (fraction of all values that are at most this, the value), one for each bucket."""
    total = sum(bucket.count for bucket in buckets)
    seen = 0
    for bucket in buckets:
        seen += bucket.count
        yield seen / total, bucket.value


@dataclass(frozen=True, slots=True)
class _Resolution:
    """How an index among the buckets becomes a value: buckets double in width, each half as fine as the one before."""

    unit: int
    half: int

    @classmethod
    def of(cls, lowest: int, figures: int) -> "_Resolution":
        return cls(unit=floor(log2(lowest)), half=max(ceil(log2(2 * 10**figures)), 1) - 1)

    def highest(self, index: int) -> int:
        """The highest value that the bucket at `index` stands for."""
        doubling, within = (index >> self.half) - 1, index & ((1 << self.half) - 1)
        if doubling < 0:
            doubling = 0
        else:
            within += 1 << self.half
        return ((within + 1) << (doubling + self.unit)) - 1


def _counts(payload: bytes) -> Iterator[tuple[int, int]]:
    """Yield (index, count) of the buckets that are not empty."""
    index = 0
    for number in _varints(payload):
        if number < 0:
            index -= number
            continue
        if number:
            yield index, number
        index += 1


def _varints(payload: bytes) -> Iterator[int]:
    """Zigzag LEB128 with nine bytes at most, the ninth of which carries eight bits."""
    position = 0
    while position < len(payload):
        value = 0
        for shift in range(0, 64, 7):
            if position == len(payload):
                raise HistogramError("the histogram ends in the middle of a number")
            byte = payload[position]
            position += 1
            ninth = shift == 56
            value |= (byte if ninth else byte & 0x7F) << shift
            if ninth or byte < 0x80:
                break
        yield (value >> 1) ^ -(value & 1)
