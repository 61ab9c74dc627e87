"""Connections that serve one check after another: a process is dear to start, and most checks leave it as it was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import anyio

from conformance.expect import Mismatch
from conformance.peer import Peer
from conformance.transcript import Entry

if TYPE_CHECKING:
    from conformance.bench import Bench
    from conformance.links import Answer

__all__ = ["Begun", "Lease", "Leases", "Need", "goes_on"]


class Need(Enum):
    """What connection is wanted."""

    UNOPENED = "unopened"
    """A new one, on which nothing was said."""
    NEW = "new"
    """One that was just opened: nothing was said on it but the handshake."""
    UNTOUCHED = "untouched"
    """An open one on which nothing but correct requests was said yet."""
    ANY = "any"
    """An open one, whatever was said on it."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A conversation that was begun to see which eras the target speaks: its first request, and the answer."""

    peer: Peer
    answer: Answer
    stack: AsyncExitStack


@dataclass(slots=True)
class Lease:
    """The use of a connection. Whoever has it sets `fit` if another may have it next."""

    peer: Peer
    fit: bool = False


class Leases:
    """The connections of one bench, handed on from use to use.

    Only those to a process, or to this one, are: a connection to a server that runs already costs nothing.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._begun: Begun | None = None
        self._spare: list[tuple[Peer, AsyncExitStack]] = []
        self._lent = 0
        self._returned = anyio.Event()
        self._ending: list[anyio.Event] = []
        self._kept: list[AsyncExitStack] = []

    def keep(self, closing: AsyncExitStack) -> None:
        """Leave a connection open that others keep and hand on; it is closed with those of the leases."""
        self._kept.append(closing)

    def end(self, closing: AsyncExitStack) -> None:
        """Close a connection beside everything else: nobody but `aclose` is to wait for its process to end."""
        ended = anyio.Event()
        self._ending.append(ended)

        async def close() -> None:
            try:
                await closing.aclose()
            finally:
                ended.set()

        self._bench.later(close)

    def dismiss(self, but: int) -> None:
        """Begin to close all that nobody uses but so many, those on which least was said."""
        self._spare.sort(key=lambda held: _ORDER.index(_state(held[0])))
        for _, closing in self._spare[but:]:
            self.end(closing)
        for closing in self._kept:
            self.end(closing)
        self._spare, self._kept = self._spare[:but], []

    def adopt(self, begun: Begun) -> None:
        """Take over a conversation that was begun elsewhere."""
        self._begun = begun
        begun.peer.bench, begun.peer.surface = self._bench, self._bench.surface

    @asynccontextmanager
    async def first(self, purpose: str) -> AsyncIterator[Lease]:
        """The conversation that was begun already, its handshake done, or a new one. Raises as `Bench.opened` does."""
        begun, self._begun = self._begun, None
        async with AsyncExitStack() as stack:
            if begun is None:
                peer = await stack.enter_async_context(self._bench.opened(purpose))
            else:
                peer = begun.peer
                await stack.enter_async_context(begun.stack)
                peer.conversation.purpose = purpose
                await peer.conclude(begun.answer)
            async with self._used(peer, stack) as lease:
                yield lease

    @asynccontextmanager
    async def lease(self, purpose: str, need: Need, soon: float = 0.0) -> AsyncIterator[Lease]:
        """A connection as it is needed; `soon` are the seconds in which others may return one before it is opened.

        Raises as `Bench.opened` does.
        """
        async with AsyncExitStack() as stack:
            peer = await self._take(stack, need)
            ends = anyio.current_time() + (0.0 if need is Need.UNOPENED else soon)  # none that is returned is unopened
            while peer is None and self._lent and anyio.current_time() < ends:
                with anyio.move_on_at(ends):
                    await self._returned.wait()
                peer = await self._take(stack, need)
            if peer is None:
                opening = self._bench.unopened if need is Need.UNOPENED else self._bench.opened
                peer = await stack.enter_async_context(opening(purpose))
            self._lent += goes_on(peer)
            try:
                async with self._used(peer, stack) as lease:
                    yield lease
            finally:
                self._lent -= goes_on(peer)
                self._returned.set()
                self._returned = anyio.Event()

    @asynccontextmanager
    async def _used(self, peer: Peer, stack: AsyncExitStack) -> AsyncIterator[Lease]:
        lease = Lease(peer)
        yield lease
        if lease.fit and goes_on(peer) and self._whole(peer):
            self._spare.append((peer, stack.pop_all()))
        elif peer.process is not None:
            self.end(stack.pop_all())

    async def _take(self, stack: AsyncExitStack, need: Need) -> Peer | None:
        """Return a spare one that will do, those first on which least was said, and let `stack` close it."""
        for held in sorted(self._spare, key=lambda held: _ORDER.index(_state(held[0]))):
            peer, closing = held
            if held not in self._spare:
                continue  # somebody else took it while the last one was tried
            if _ORDER.index(_state(peer)) > _ORDER.index(need):
                return None
            self._spare.remove(held)
            if await _opened(peer):
                await stack.enter_async_context(closing)
                return peer
            await closing.aclose()
        return None

    def _whole(self, peer: Peer) -> bool:
        """Whether a connection can go on as one of this bench's: where there is a handshake, it was done."""
        opened = peer.revision.modern or bool(peer.opening)
        return opened and peer.revision == self._bench.revision and peer.stream.gone is None

    async def aclose(self) -> None:
        """Close the connections that are left, side by side, and wait for those that are being closed."""
        async with anyio.create_task_group() as tasks:
            for closing in (*(closing for _, closing in self._spare), *self._kept):
                tasks.start_soon(closing.aclose)
            if self._begun is not None:
                tasks.start_soon(self._begun.stack.aclose)
            for ended in self._ending:
                tasks.start_soon(ended.wait)
        self._spare, self._kept, self._ending, self._begun = [], [], [], None


def goes_on(peer: Peer) -> bool:
    """Whether a connection is worth to be kept for further uses."""
    return peer.conversation.transport in ("stdio", "memory")


async def _opened(peer: Peer) -> bool:
    """Whether a connection lives and the target has said on it what it can, if only now."""
    if peer.stream.gone is not None:
        return False
    try:
        if not peer.opening:
            await peer.open()
    except Mismatch:
        return False
    return True


_ORDER = (Need.UNOPENED, Need.NEW, Need.UNTOUCHED, Need.ANY)
"""What a connection is good for, by how much was said on it: nothing that is spare is unopened."""


def _state(peer: Peer) -> Need:
    """Return the strictest need that a spare connection meets."""
    said = list(peer.conversation.sent())
    if not all(map(_is_plain, said)):
        return Need.ANY
    opening = {peer.opening_method, _READY}
    return Need.NEW if all(entry.value["method"] in opening for entry in said) else Need.UNTOUCHED


_READY = "notifications/initialized"


def _is_plain(entry: Entry) -> bool:
    ready = entry.is_notification() and entry.value["method"] == _READY
    return entry.defect is None and (entry.is_request() or ready)
