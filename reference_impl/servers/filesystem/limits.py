"""What one call may cost."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["MOST_DEPTH", "MOST_PATH", "Limits"]

MOST_PATH = 4096
"""Bytes of a path."""
MOST_DEPTH = 128
"""Components of a path, and directories under one another that are walked."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits; whoever meets one is told so and how to go on.

    `read_bytes` of text are given out at once, `media_bytes` of any other file; `write_bytes` are written. `entries` of
    a directory or tree and `results` of a search are on one page. A search, and reading on to a far line, ends after
    `seconds`; files above `searched_bytes` are not searched, and no more than `at_once` searches run side by side.
    `deleted` files and directories at the most go with a directory that is deleted. Subscribed files are looked at
    every `watch_seconds`.
    """

    read_bytes: int = 256 * 1024
    media_bytes: int = 8 * 1024 * 1024
    write_bytes: int = 8 * 1024 * 1024
    entries: int = 1000
    results: int = 200
    seconds: float = 10.0
    searched_bytes: int = 8 * 1024 * 1024
    at_once: int = 4
    deleted: int = 10_000
    watch_seconds: float = 1.0
