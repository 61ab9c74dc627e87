"""A client that listens before it speaks, and shows an icon: what a target makes of that is seen once for all."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import anyio
import anyio.abc

from conformance.expect import Mismatch, Unserved
from conformance.guise import Guise
from conformance.loopback import is_loopback
from conformance.peer import Peer
from conformance.surface import Surface, gather
from conformance.target import UrlTarget
from conformance.transcript import Entry
from reference_impl.transports.stdio import TargetNotStarted

__all__ = ["Newcomer", "arriving", "is_near", "listening"]


@dataclass(frozen=True, slots=True)
class Newcomer:
    """The peer; `early` is what the target said before it was initialized; `address` is where the icon is said to be,
    and `visited` whether anybody came there."""

    peer: Peer
    early: Entry | None
    address: str
    visited: anyio.Event


def is_near(peer: Peer) -> bool:
    """Whether an address of this machine is one for the target as well."""
    assert peer.bench is not None
    target = peer.bench.target
    return not isinstance(target, UrlTarget) or is_loopback(urlsplit(target.url).hostname or "")


@asynccontextmanager
async def arriving(peer: Peer, guise: Guise) -> AsyncIterator[Newcomer]:
    """A further client on a connection of its own, its handshake done. Raises `Unserved` if it cannot be had."""
    assert peer.bench is not None
    async with AsyncExitStack() as stack:
        address, visited = await stack.enter_async_context(listening(peer))
        info = {**guise.info, "icons": [{"src": address, "mimeType": "image/png"}]}
        try:
            other = await stack.enter_async_context(peer.bench.unopened(peer.conversation.purpose))
            other.guise = replace(guise, info=info) if peer.revision.icons else guise
            # Over HTTP nothing could come, for want of a request that it came with.
            early = None if other.over_http else await other.overhear(_says, peer.patience.quiet)
            await other.open()
        except (Mismatch, TargetNotStarted) as error:
            raise Unserved(f"a further client could not connect: {error}") from None
        other.surface = Surface(peer.surface.permission)
        await gather(other)
        yield Newcomer(other, early, address, visited)


def _says(entry: Entry) -> bool:
    return entry.is_message


@asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[tuple[str, anyio.Event]]:
    """An http address of ours, and whether anybody came there."""
    assert peer.bench is not None
    visited, done, scope = anyio.Event(), anyio.Event(), anyio.CancelScope()

    async def visit(stream: anyio.abc.SocketStream) -> None:
        visited.set()
        await stream.aclose()

    async def serve() -> None:
        try:
            with scope:
                await listener.serve(visit)
        finally:
            done.set()

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        peer.bench.later(serve)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - no database here
        try:
            yield f"http://127.0.0.1:{port}/icon.png", visited
        finally:
            scope.cancel()
            with anyio.CancelScope(shield=True):
                await done.wait()
