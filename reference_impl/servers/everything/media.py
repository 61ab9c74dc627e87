"""The smallest files that are what they say."""

from __future__ import annotations

import struct
import zlib

__all__ = ["PIXEL", "SILENCE"]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PIXEL = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\x00\xff\x00\x00"))
    + _chunk(b"IEND", b"")
)
"""A PNG of one red pixel."""

_SAMPLES = b"\x80" * 8
SILENCE = (
    struct.pack("<4sI4s", b"RIFF", 36 + len(_SAMPLES), b"WAVE")
    + struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8)
    + struct.pack("<4sI", b"data", len(_SAMPLES))
    + _SAMPLES
)
"""A WAV of one millisecond, 8 kHz, 8 bit, mono."""
