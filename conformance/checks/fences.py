"""Proof that a target goes on serving: the next request is answered, and as before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import anyio

from conformance.expect import Blocked, Mismatch
from conformance.links import Gone, Silence
from conformance.peer import Peer
from conformance.transcript import Entry

__all__ = ["NOTE", "all_answered", "need_notes_borne", "request_of", "serves_after", "serves_after_garbage"]

NOTE = "com.example/note"
"""A `_meta` key of nobody's, under which a request carries what its receiver need not understand."""


def request_of(peer: Peer, identifier: object) -> Entry:
    """Return the entry of the request that was sent with an id."""
    return next(entry for entry in peer.conversation.sent() if entry.is_request() and entry.value["id"] == identifier)


async def serves_after(peer: Peer, what: str) -> None:
    """Raise `Mismatch` unless a request that was served before is served after `what` was sent."""
    wanted = f"a result for {peer.cheap_method} after {what}"
    try:
        answer = await peer.fence()
    except (Gone, Silence) as lost:
        raise type(lost)(wanted, lost.actual, lost.entries) from None
    if answer.result is None:
        raise Mismatch(wanted, answer.describe(), [answer.entry.index])


async def serves_after_garbage(peer: Peer) -> None:
    """Raise `Blocked` if the target does not even bear a line that is no JSON, which a check of its own reports."""
    await peer.stream.hold(b"this line is no JSON", defect="no JSON")
    try:
        await peer.fence()
    except (Gone, Silence):
        raise Blocked("the target serves no more after any line that is no JSON") from None


async def need_notes_borne(peer: Peer) -> None:
    """Raise `Blocked` if the target refuses a request for any `_meta` key that it does not know."""
    answer = await peer.request(peer.cheap_method, meta={NOTE: "plain"})
    if answer.result is None:
        raise Blocked(f"a request whose _meta has a key of nobody's is refused: {answer.describe()}")


async def all_answered(requests: Iterable[Callable[[], Awaitable[object]]]) -> None:
    """Make requests at the same time; raise the first `Mismatch` of theirs once all have ended."""
    failures: list[Mismatch] = []

    async def one(request: Callable[[], Awaitable[object]]) -> None:
        try:
            await request()
        except Mismatch as mismatch:
            failures.append(mismatch)

    async with anyio.create_task_group() as tasks:
        for request in requests:
            tasks.start_soon(one, request)
    if failures:
        raise failures[0]
