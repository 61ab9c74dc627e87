"""What a file is: by its first bytes where they tell, else by its name."""

from __future__ import annotations

import mimetypes

__all__ = ["guessed_type", "sniffed"]

_NAMES = mimetypes.MimeTypes()
"""The table of Python itself, the same on every machine."""
_BINARY = "application/octet-stream"
_EXTRA = {".md": "text/markdown", ".toml": "application/toml", ".yaml": "application/yaml", ".yml": "application/yaml"}
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
)
"""Where in a file which bytes stand, and what it is then: images and sounds that clients can show and play."""


def guessed_type(name: str) -> str:
    """Return the media type that a name suggests."""
    suffix = "." + name.rpartition(".")[2].lower()
    return _EXTRA.get(suffix) or _NAMES.guess_type("x" + suffix, strict=False)[0] or _BINARY


def sniffed(body: bytes) -> str | None:
    """Return the type of an image or a sound, or None for anything else."""
    return next((kind for at, magic, kind in _MAGIC if body.startswith(magic, at)), None)
