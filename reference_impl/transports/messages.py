"""Whole messages both ways: what a conversation needs of its transport, and the lines of a byte channel that offer
it."""

from __future__ import annotations

import logging
from collections import deque
from typing import Protocol

from reference_impl.protocol.lines import DEFAULT_LIMIT, LineReader, Overlong, frame
from reference_impl.transports.channel import ByteChannel

__all__ = ["LineChannel", "MessageChannel"]

_logger = logging.getLogger(__name__)


class MessageChannel(Protocol):
    """Whole messages both ways, in order: lines of a byte channel, or frames of a WebSocket."""

    async def send(self, message: bytes) -> None:
        """Send one message, whole even if the call is cancelled. Raises an `anyio` resource error if the channel has
        closed."""

    async def receive(self) -> bytes:
        """Return the next message. Raises `anyio.EndOfStream` when there will be none."""
        ...

    async def aclose(self) -> None:
        """Close both ways."""


class LineChannel:
    """Messages as the lines of a byte channel: the framing of stdio. `limit` is the longest line in bytes."""

    __slots__ = ("_channel", "_lines", "_reader")

    def __init__(self, channel: ByteChannel, limit: int = DEFAULT_LIMIT) -> None:
        self._channel = channel
        self._reader = LineReader(limit)
        self._lines: deque[bytes] = deque()

    async def send(self, message: bytes) -> None:
        """Send one line. Raises an `anyio` resource error if the channel has closed."""
        await self._channel.send(frame(message))

    async def receive(self) -> bytes:
        """Return the next line that is not blank. Raises `anyio.EndOfStream` at the end of the channel."""
        while not self._lines:
            for line in self._reader.feed(await self._channel.receive()):
                if isinstance(line, Overlong):
                    _logger.warning("dropped a line of %d bytes", line.size)
                elif line.strip():
                    self._lines.append(line)
        return self._lines.popleft()

    async def aclose(self) -> None:
        """Close the channel."""
        await self._channel.aclose()
