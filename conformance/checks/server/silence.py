"""The check of `basic/lifecycle#initialization` that nothing comes before it."""

from __future__ import annotations

from conformance.check import Sharing, check
from conformance.expect import Blocked, Mismatch, brief
from conformance.peer import Peer


@check("lifecycle.silent-first", "lifecycle.first", sharing=Sharing.UNOPENED)
async def silent_first(peer: Peer) -> None:
    """A server says nothing before it is initialized."""
    early = await peer.overhear(lambda entry: entry.is_message, peer.patience.quiet)
    if early is not None:
        raise Mismatch("nothing before initialize", brief(early.value), [early.index])
    try:
        await peer.open()
    except Mismatch as lost:
        raise Blocked(f"the target could not be initialized on this connection: {lost.actual}") from None
