"""Two ends of a channel inside one process: for tests, and for a client and a server that live together."""

from __future__ import annotations

import anyio
import anyio.lowlevel

from reference_impl.transports.channel import HIGH_WATER, Inbox

__all__ = ["MemoryChannel", "memory_pair"]


class _Pipe:
    """One direction: an inbox, whether its writer has ended it, whether its reader has gone, and room to write."""

    __slots__ = ("abandoned", "ended", "inbox", "room")

    def __init__(self) -> None:
        self.inbox = Inbox(resume=self.make_room)
        self.room = anyio.Event()
        self.ended = self.abandoned = False

    def make_room(self) -> None:
        """Let writers that wait look again."""
        self.room.set()
        self.room = anyio.Event()

    @property
    def full(self) -> bool:
        """Whether a writer has to wait."""
        return self.inbox.size >= HIGH_WATER and not (self.ended or self.abandoned)


class MemoryChannel:
    """One end; `memory_pair` makes both."""

    __slots__ = ("_incoming", "_outgoing")

    def __init__(self, incoming: _Pipe, outgoing: _Pipe) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    async def send(self, data: bytes) -> None:
        """Hand `data` to the other end, and wait while too much lay unread there before.

        Raises `anyio.ClosedResourceError` if this end has closed, `anyio.BrokenResourceError` if the other has.
        """
        pipe, crowded = self._outgoing, self._outgoing.full
        if pipe.ended:
            raise anyio.ClosedResourceError
        if pipe.abandoned:
            raise anyio.BrokenResourceError
        if data:
            pipe.inbox.feed(data)
        await anyio.lowlevel.checkpoint()
        while crowded and pipe.full:
            await pipe.room.wait()
        if crowded and pipe.abandoned:
            raise anyio.BrokenResourceError

    async def receive(self) -> bytes:
        """Return what has come. Raises `anyio.EndOfStream` when the other end has closed and all was read."""
        return await self._incoming.inbox.receive()

    def close_sending(self) -> None:
        """Send the end of the stream; receiving goes on."""
        self._outgoing.ended = True
        self._outgoing.inbox.end()
        self._outgoing.make_room()

    async def aclose(self) -> None:
        """Close both ways: the other end reads the end of the stream, and can send no more."""
        self.close_sending()
        self._incoming.abandoned = True
        self._incoming.inbox.end()
        self._incoming.make_room()
        await anyio.lowlevel.checkpoint()


def memory_pair() -> tuple[MemoryChannel, MemoryChannel]:
    """Return the two ends of a fresh channel."""
    there, back = _Pipe(), _Pipe()
    return MemoryChannel(back, there), MemoryChannel(there, back)
