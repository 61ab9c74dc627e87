"""Proof that a target goes on serving: the next request is answered."""

from __future__ import annotations

from conformance.expect import Blocked
from conformance.links import Gone, Silence
from conformance.peer import Peer

__all__ = ["NOTE", "serves_after", "serves_after_garbage"]

NOTE = "com.example/note"
"""A `_meta` key of nobody's, under which a request carries what its receiver need not understand."""


async def serves_after(peer: Peer, what: str) -> None:
    """Raise `Gone` or `Silence` unless a request is answered after `what` was sent."""
    try:
        await peer.fence()
    except (Gone, Silence) as lost:
        raise type(lost)(f"an answer to {peer.cheap_method} after {what}", lost.actual, lost.entries) from None


async def serves_after_garbage(peer: Peer) -> None:
    """Raise `Blocked` if the target does not even bear a line that is no JSON, which a check of its own reports."""
    await peer.stream.send(b"this line is no JSON", defect="no JSON")
    try:
        await peer.fence()
    except (Gone, Silence):
        raise Blocked("the target serves no more after any line that is no JSON") from None
