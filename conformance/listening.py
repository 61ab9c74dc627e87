"""A `subscriptions/listen` request under way, over either link (`basic/patterns/subscriptions`).

Over HTTP its messages are those of one stream. On a stream in memory or stdio they lie among others, so checks that
listen do so on a conversation of their own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from conformance.expect import Mismatch, brief
from conformance.http_reply import HttpRequest, LiveReply
from conformance.links import Silence
from conformance.peer import Peer, encode
from conformance.transcript import Entry

__all__ = ["ACKNOWLEDGED", "Listening", "is_acknowledgement", "listening", "shown"]

ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
_PREFIX = "notifications/"
_ELSEWHERE = frozenset({"notifications/message", "notifications/progress"})
"""Notifications that belong to other requests than a listen."""


class Listening:
    """One listen request. `id` is its request id, `filter` what it asks for; `cancel` ends it early."""

    def __init__(
        self, peer: Peer, identifier: Any, live: LiveReply | None, wanted: Mapping[str, Any] | None = None
    ) -> None:
        self.id = identifier
        self.filter = dict(wanted or {})
        self._peer = peer
        self._live = live
        self._since = len(peer.heard)
        self._open = True

    async def first(self) -> Entry:
        """Return the first message about this subscription. Raises `Silence` if none came in time."""
        wait = self._peer.patience.answer
        if self._live is not None:
            reply = await self._live.read(wait, lambda so_far: bool(so_far.messages))
            if reply.messages:
                return reply.messages[0]
            raise Silence("an acknowledgement of subscriptions/listen", reply.describe())
        entry = await self._peer.overhear(self._concerns, wait, self._since)
        if entry is None:
            raise Silence(f"an acknowledgement of subscriptions/listen within {wait:g} s", "silence")
        return entry

    def heard(self) -> list[Entry]:
        """Return every message about this subscription so far."""
        if self._live is not None:
            return list(self._live.reply().messages)
        return [entry for entry in self._peer.heard[self._since :] if self._concerns(entry)]

    async def wait(self, wanted: Callable[[Entry], bool], timeout: float) -> None:
        """Listen until a message that is wanted came, or the deadline."""
        if self._live is not None:
            await self._live.read(timeout, lambda reply: any(map(wanted, reply.messages)))
        else:
            await self._peer.overhear(wanted, timeout, self._since)

    @property
    def broken_off(self) -> bool:
        """Whether its stream ended without an answer to the listen request, as far as it was read; over HTTP alone."""
        if self._live is None:
            return False
        reply = self._live.reply()
        return (reply.ended or self._live.lost is not None) and reply.final is None

    async def cancel(self) -> None:
        """End it as a client of this transport does; over HTTP that is left to the end of the block."""
        if self._live is None and self._open:
            self._open = False
            await self._peer.notify("notifications/cancelled", {"requestId": self.id})

    def _concerns(self, entry: Entry) -> bool:
        method = entry.value.get("method") if entry.is_message else None
        if entry.is_response():
            return str(entry.value.get("id")) == str(self.id)
        return isinstance(method, str) and method.startswith(_PREFIX) and method not in _ELSEWHERE


@asynccontextmanager
async def listening(
    peer: Peer, wanted: dict[str, Any], meta: Mapping[str, Any] | None = None
) -> AsyncIterator[Listening]:
    """Listen with a filter for the time of the block, with more metadata. Raises as `HttpLink.opened` does."""
    message = peer.message("subscriptions/listen", {"notifications": wanted}, meta=meta)
    if peer.over_http:
        request = HttpRequest("POST", encode(message), peer.headers_for(message), message)
        async with peer.http.opened(request, peer.patience.answer) as live:
            yield Listening(peer, message["id"], live, wanted)
        return
    listen = Listening(peer, message["id"], None, wanted)
    await peer.tell(message)
    try:
        yield listen
    finally:
        with suppress(Mismatch):
            await listen.cancel()


def is_acknowledgement(entry: Entry) -> bool:
    """Whether a message acknowledges a subscription."""
    return entry.is_notification() and entry.value["method"] == ACKNOWLEDGED


def shown(entry: Entry) -> str:
    """Return a message in a line, for a failure's `actual`."""
    return brief(entry.value) if entry.is_message else entry.data.decode("utf-8", "replace")[:200]
