"""Checks of streams over HTTP that one side leaves: `basic/transports/streamable-http#cancellation`, and of 2025-11-25
`basic/transports#listening-for-messages-from-the-server`."""

from __future__ import annotations

from typing import Any

from conformance.check import Sharing, check
from conformance.checks.server.subscriptions import wanted_of
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.http_link import RESUMED
from conformance.http_reply import HttpReply, HttpRequest
from conformance.links import Silence
from conformance.listening import is_acknowledgement, listening, shown
from conformance.peer import Peer, encode
from conformance.transcript import Entry
from reference_impl.protocol.streamable import LAST_EVENT_ID, SSE_TYPE

_SECONDS = 1.0


@check("http.cancel-silence", "http.cancel.silence", sharing=Sharing.FRESH)
async def cancel_silence(peer: Peer) -> None:
    """What belongs to a call whose stream the client has closed comes on no other stream either."""
    call = peer.surface.need_slow(_SECONDS)
    token = f"touchstone-{peer.new_id()}"
    message = peer.message("tools/call", call.params, meta={"progressToken": token})
    request = HttpRequest("POST", encode(message), peer.headers_for(message), message)
    async with listening(peer, wanted_of(peer)) as listen:
        first = await listen.first()
        if not is_acknowledgement(first):
            raise Blocked(f"the listen request was not acknowledged: {shown(first)}")
        async with peer.http.opened(request, peer.patience.answer) as live:
            begun = await live.read(peer.patience.answer, lambda reply: bool(reply.messages))
        if begun.final is not None:
            raise Blocked(f"{call.tool['name']} tells nothing before its end, so that nobody can leave in between")
        await peer.fence()
        # The call would go on for so long, were it not cancelled.
        await listen.wait(lambda entry: _concerns(entry, message["id"], token), _SECONDS + peer.patience.quiet)
        stray = next((entry for entry in listen.heard() if _concerns(entry, message["id"], token)), None)
    if stray is not None:
        raise Mismatch("nothing about a call that was left, on another stream", shown(stray), [stray.index])


def _concerns(entry: Entry, identifier: Any, token: str) -> bool:
    params = entry.value.get("params") if entry.is_notification() else None
    told = isinstance(params, dict) and params.get("progressToken") == token
    return told or (entry.is_response() and entry.value.get("id") == identifier)


@check("http.get-retry", "http.get.retry", sharing=Sharing.FRESH, waits=True)
async def get_retry(peer: Peer) -> None:
    """A server that ends the connection of a stream that GET opened, and goes on with it later, says when to come."""
    begun = await _got(peer)
    if begun.media_type != SSE_TYPE or begun.status != 200:
        raise Inapplicable(f"GET opens no stream: HTTP {begun.status}")
    if not begun.ended or not begun.event_ids:
        raise Blocked("the server does not end the stream of GET, or leaves it without an id to come back with")
    again = await _got(peer, begun.event_ids[-1])
    if again.media_type != SSE_TYPE or again.status != 200:
        raise Blocked("the stream of GET that the server ended is over")
    if all(mark.retry is None for mark in begun.events):
        raise Mismatch("a retry field before the connection is closed", begun.describe())


async def _got(peer: Peer, last_event_id: str | None = None) -> HttpReply:
    """Return what comes for GET in a moment. Raises `Blocked` if not even a head does, which another check reports."""
    headers = {**peer.headers_for(None), "accept": SSE_TYPE, "content-type": None, LAST_EVENT_ID: last_event_id}
    request = HttpRequest("GET", headers=headers, defect=None if last_event_id is None else RESUMED)
    try:
        async with peer.http.opened(request, peer.patience.answer) as live:
            return await live.read(peer.patience.quiet)
    except Silence:
        raise Blocked("GET gets no reply before there is an event to send") from None
