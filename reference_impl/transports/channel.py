"""What an ordered channel of bytes offers, and the bounded buffer that all of them read from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import anyio

__all__ = ["HIGH_WATER", "ByteChannel", "Inbox"]

HIGH_WATER = 1024 * 1024
"""Bytes that may lie unread before the sender is made to wait."""


class ByteChannel(Protocol):
    """Bytes both ways, in order, cut anywhere: a child process, or one end of a pair in memory."""

    async def send(self, data: bytes) -> None:
        """Write all of `data`; a cancelled call still writes it whole.

        Raises `anyio.BrokenResourceError` if the peer has gone, `anyio.ClosedResourceError` if this side has closed.
        """

    async def receive(self) -> bytes:
        """Return the bytes that have come, at least one. Raises `anyio.EndOfStream` when there will be none."""
        ...

    def close_sending(self) -> None:
        """Tell the peer that nothing more will be sent; receiving goes on."""

    async def aclose(self) -> None:
        """Close both ways and free what the channel holds."""


def _nothing() -> None:
    """Stand in for a throttle that is not there."""


class Inbox:
    """Bytes on their way to one reader, bounded: over `HIGH_WATER` it asks its source to pause, and to resume when
    the reader has caught up."""

    __slots__ = ("_chunks", "_ended", "_event", "_pause", "_paused", "_resume", "size")

    def __init__(self, pause: Callable[[], None] = _nothing, resume: Callable[[], None] = _nothing) -> None:
        self._chunks: list[bytes] = []
        self._ended = False
        self._event = anyio.Event()
        self._pause, self._resume = pause, resume
        self._paused = False
        self.size = 0

    def feed(self, data: bytes) -> None:
        """Take bytes from the source."""
        self._chunks.append(data)
        self.size += len(data)
        self._event.set()
        if self.size >= HIGH_WATER and not self._paused:
            self._paused = True
            self._pause()

    def end(self) -> None:
        """Note that the source has ended; what lies here can still be read."""
        self._ended = True
        self._event.set()

    async def receive(self) -> bytes:
        """Return all that has come. Raises `anyio.EndOfStream` once everything was read and the source has ended."""
        while not self._chunks:
            if self._ended:
                raise anyio.EndOfStream
            self._event = anyio.Event()
            await self._event.wait()
        data = b"".join(self._chunks)
        self._chunks.clear()
        self.size = 0
        if self._paused:
            self._paused = False
            self._resume()
        return data
