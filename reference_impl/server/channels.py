"""A conversation over whole messages, both eras: a WebSocket, an event stream, sealed lines, any message channel."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from reference_impl.protocol.websocket_frames import CloseCode, FrameError
from reference_impl.server.stream import StreamConversation
from reference_impl.transports.channel import HIGH_WATER
from reference_impl.transports.messages import MessageChannel

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["ChannelLimits", "ServedChannel"]

_GRACE = 1.5
"""Seconds that the last messages get to leave."""


@dataclass(frozen=True, slots=True)
class ChannelLimits:
    """Bounds of one conversation: bytes and seconds.

    A client that has not said anything after `opening` is let go. Nothing more is read from one that leaves more than
    `unread` bytes lie; one that leaves `most_unread`, or takes longer than `stalled` for a message, is let go.
    """

    opening: float = 60.0
    unread: int = HIGH_WATER
    most_unread: int = 64 * 1024 * 1024
    stalled: float = 60.0


DEFAULT_LIMITS = ChannelLimits()


class ServedChannel:
    """One client's conversation; `run` serves it, `close` ends it after what is still to be sent."""

    def __init__(
        self,
        server: AdvancedMCPServer,
        channel: MessageChannel,
        principal: str | None = None,
        limits: ChannelLimits = DEFAULT_LIMITS,
    ) -> None:
        self._channel = channel
        self._limits = limits
        self._outbox = _Outbox(channel, limits)
        self._conversation = StreamConversation(server, self._outbox.put, principal, self._outbox.behind)
        self._conversation.on_silence(self.close)

    async def run(self, grace: float = 0.0) -> None:
        """Serve until the client leaves or `close` is called. Closes nothing.

        `grace` is how many seconds requests under way get to finish after the client has closed its end, where it can
        still read. Raises `FrameError` if the client goes over a limit, `anyio.BrokenResourceError` if the channel
        breaks.
        """
        reader, writer = asyncio.create_task(self._read()), asyncio.create_task(self._outbox.run())
        try:
            await asyncio.wait((reader, writer), return_when=asyncio.FIRST_COMPLETED)
            if not writer.done():
                await self._conversation.finish(grace)
                self._outbox.end()
                await asyncio.wait((writer,), timeout=_GRACE)
        finally:
            self._conversation.close()
            for task in (reader, writer):
                task.cancel()
            outcomes = await asyncio.gather(reader, writer, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    def close(self) -> None:
        """End the conversation once everything that waits has been sent."""
        self._outbox.end()

    def take(self, message: bytes) -> None:
        """Act on a message that came by another way than the channel."""
        self._conversation.take(message)

    async def ready(self) -> None:
        """Wait while too much lies unread."""
        await self._outbox.ready()

    async def _read(self) -> None:
        try:
            try:
                with anyio.fail_after(self._limits.opening):
                    message = await self._channel.receive()
            except TimeoutError:
                text = f"nothing was said within {self._limits.opening:g} s"
                raise FrameError(CloseCode.POLICY, text) from None
            while True:
                self._conversation.take(message)
                await self._outbox.ready()
                message = await self._channel.receive()
        except anyio.EndOfStream:
            return


class _Outbox:
    """What is to be sent, in order and bounded."""

    def __init__(self, channel: MessageChannel, limits: ChannelLimits) -> None:
        self._channel = channel
        self._limits = limits
        self._waiting: deque[bytes] = deque()
        self._unsent = 0
        self._ended = self._overflowed = False
        self._filled = asyncio.Event()
        self._room = asyncio.Event()

    def put(self, data: bytes) -> None:
        """Queue a message; one is dropped after the end, and where the client is too far behind."""
        if self._ended:
            return
        if self._unsent > self._limits.most_unread:
            self._overflowed = True
            return
        self._waiting.append(data)
        self._unsent += len(data)
        self._filled.set()

    def end(self) -> None:
        """Take no more; `run` returns once what waits has been sent."""
        self._ended = True
        self._filled.set()

    def behind(self) -> bool:
        """Tell whether too much lies unread."""
        return self._unsent > self._limits.unread

    async def ready(self) -> None:
        """Wait while too much lies unread."""
        while self.behind():
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Send until the end. Raises `FrameError` for a client that does not read."""
        while True:
            while self._waiting:
                await self._send(self._waiting.popleft())
            if self._ended:
                return
            self._filled.clear()
            await self._filled.wait()

    async def _send(self, data: bytes) -> None:
        try:
            with anyio.fail_after(self._limits.stalled):
                await self._channel.send(data)
        except TimeoutError:
            text = f"a message was not read within {self._limits.stalled:g} s"
            raise FrameError(CloseCode.POLICY, text) from None
        if self._overflowed:
            raise FrameError(CloseCode.POLICY, f"more than {self._limits.most_unread} bytes were left unread")
        self._unsent -= len(data)
        self._room.set()
