"""Positive twins: the request without the defect, which a rejection must be held against; and further clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from conformance.expect import Mismatch, Unserved, brief

if TYPE_CHECKING:
    from conformance.peer import Peer

__all__ = ["expect_served", "need_another", "need_served"]


async def need_served(peer: Peer, message: dict[str, Any] | None = None) -> None:
    """Make sure that a correct request (the cheap one unless `message`) is answered with a result.

    Raises `Unserved` if not: what became of the same request with a defect would say nothing then.
    """
    try:
        answer = await peer.call(message or peer.message(peer.cheap_method))
    except Mismatch as mismatch:
        raise Unserved(f"the same request without the defect failed: {mismatch}") from None
    if not isinstance(answer.result, dict):
        raise Unserved(f"the same request without the defect was not served: {brief(answer.describe())}")


async def expect_served(peer: Peer, headers: dict[str, str | None], what: str) -> None:
    """Expect a result for the cheap request with other headers. Raises `Mismatch`."""
    answer = await peer.call(peer.message(peer.cheap_method), headers=headers)
    if not isinstance(answer.result, dict):
        raise Mismatch(f"a result for a request with {what}", answer.describe(), [answer.entry.index])


@asynccontextmanager
async def need_another(peer: Peer) -> AsyncIterator[Peer]:
    """A further client of the same target. Raises `Unserved` if it cannot connect, which is not for a check of
    something else to report."""
    async with AsyncExitStack() as stack:
        try:
            other = await stack.enter_async_context(peer.another())
        except Mismatch as mismatch:
            raise Unserved(f"a further client could not connect: {mismatch}") from None
        yield other
