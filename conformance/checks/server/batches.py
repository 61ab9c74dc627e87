"""Checks of `basic#batching`, which 2025-03-26 alone has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from conformance.check import Sharing, check
from conformance.expect import Mismatch, brief
from conformance.http_reply import HttpReply, HttpRequest
from conformance.monitors.traffic import messages
from conformance.peer import Peer, encode
from conformance.transcript import Entry
from conformance.twins import need_served

_SECONDS = 2.0
"""How long answers to a batch may take after a request that was sent behind it was answered."""


@check("base.batch-received", "base.batch.received", sharing=Sharing.ALONE)
async def batch_received(peer: Peer) -> None:
    """Each request of a batch is answered, in an array or singly, whatever else the batch holds."""
    await need_served(peer)
    told = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "touchstone-never-sent"}}
    for items in (
        [peer.message(peer.cheap_method)],
        [peer.message(peer.cheap_method), told, peer.message(peer.cheap_method)],
    ):
        wanted = {item["id"] for item in items if "id" in item}
        found = await (_posted(peer, items, wanted) if peer.over_http else _written(peer, items, wanted))
        lost = wanted - _results(found)
        if lost:
            expected = f"a result for each of the {len(wanted)} requests in a batch of {len(items)}"
            actual = "; ".join(brief(entry.data.decode("utf-8", "replace")) for entry in found) or "nothing"
            raise Mismatch(expected, actual, [entry.index for entry in found])


async def _written(peer: Peer, items: list[dict[str, Any]], wanted: set[Any]) -> list[Entry]:
    """Write a batch to a stream, and return what came that may be meant for it."""
    since = len(peer.heard)
    # Named as if it were a defect, so that a refusal of it is held against the target once, and here.
    await peer.tell(items, "a batch")
    await peer.fence()

    def came() -> list[Entry]:
        return [entry for entry in peer.heard[since:] if any(_is_answer(item, wanted) for item in messages(entry))]

    def enough(entry: Entry) -> bool:
        refused = any(item.get("id") is None and "error" in item for item in messages(entry))
        return refused or wanted <= _results(came())

    await peer.overhear(enough, _SECONDS, since)
    return came()


async def _posted(peer: Peer, items: list[dict[str, Any]], wanted: set[Any]) -> list[Entry]:
    """Post a batch, and return the messages of the reply."""

    def enough(reply: HttpReply) -> bool:
        return wanted <= _results(reply.messages)

    request = HttpRequest("POST", encode(items), peer.headers_for(items[0]), items, "a batch")
    async with peer.http.opened(request, peer.patience.answer) as live:
        reply = await live.read(peer.patience.answer, enough)
        if not reply.messages:
            raise Mismatch("the answers to a batch", reply.describe(), [reply.sent.index] if reply.sent else [])
        return list(reply.messages)


def _is_answer(item: dict[str, Any], wanted: set[Any]) -> bool:
    identifier = item.get("id")
    return "method" not in item and (identifier is None or (isinstance(identifier, int) and identifier in wanted))


def _results(entries: Iterable[Entry]) -> set[Any]:
    """Return the ids of the results among messages and arrays of messages."""
    items = [item for entry in entries for item in messages(entry) if "result" in item]
    return {item["id"] for item in items if isinstance(item.get("id"), int)}
