"""Moves of sessions, of the legacy era: cancellation by notification, DELETE, and streams taken up again."""

from __future__ import annotations

from conformance.expect import Mismatch, brief
from conformance.http_exchanges import Exchange, exchanges
from conformance.http_link import RESUMED
from conformance.http_reply import HttpRequest
from conformance.peer import Peer
from conformance.properties.machines.play import Play, beside, judge, must_serve
from conformance.properties.machines.seats import Seat
from conformance.properties.machines.steps import Step
from reference_impl.protocol.streamable import LAST_EVENT_ID, SSE_TYPE

__all__ = ["cancel", "cancel_elsewhere", "cancel_finished", "delete", "resume"]

_CANCELLED = "notifications/cancelled"
_REPLAYED = 0.2
"""Seconds that a stream which was taken up again is listened to, unless it ends before: nothing shows its end."""


async def cancel(_play: Play, seat: Seat, step: Step) -> None:
    """Cancel a request right after it was made: whether or not that meets it, what comes next is served."""
    if seat.ended:
        return
    message = seat.peer.message(step.method, step.params, id=seat.new_id())

    async def cancelled() -> None:
        await seat.peer.notify(_CANCELLED, {"requestId": message["id"], "reason": "a play"})
        await must_serve(seat)

    await beside(seat.peer, message, cancelled)


async def cancel_finished(play: Play, seat: Seat, step: Step) -> None:
    """Cancel a request that was answered."""
    if seat.ended:
        return
    answer = await play.ask(seat, step)
    await seat.peer.notify(_CANCELLED, {"requestId": answer.id})
    await must_serve(seat)


async def cancel_elsewhere(play: Play, seat: Seat, step: Step) -> None:
    """Cancel, in another conversation, an id that this one is about to use: it has nothing to do with it."""
    other = await play.seats.take(1 - step.on)
    if seat.ended or other.ended:
        return
    identifier = max(seat.last_id, other.last_id) + 1
    message = seat.peer.message(step.method, step.params, id=seat.new_id(identifier))
    other.new_id(identifier)
    await other.peer.notify(_CANCELLED, {"requestId": identifier})
    judge(seat.peer, message, await seat.peer.call(message))


async def delete(play: Play, seat: Seat, step: Step) -> None:
    """End the session by DELETE, as far as the server lets clients do so."""
    peer = seat.peer
    if seat.ended or not peer.over_http or peer.session is None:
        return
    reply = await peer.http.exchange(HttpRequest("DELETE", headers=_bare(peer)), peer.patience.answer)
    # Accepted for later (202), it may go on for a while; so may one whose end was refused in some other way.
    seat.ended = reply.status in (200, 204)
    if not seat.ended and reply.status != 405:
        await play.seats.leave(step.on, politely=False)


def _bare(peer: Peer) -> dict[str, str | None]:
    return {**peer.headers_for(None), "accept": None, "content-type": None}


async def resume(_play: Play, seat: Seat, step: Step) -> None:
    """Take up the stream of an earlier request from one of its events: nothing comes of another request's."""
    peer = seat.peer
    if seat.ended or not peer.over_http:
        return
    streams = [each for each in exchanges(peer.conversation) if _resumable(each)]
    if not streams:
        return
    taken = streams[step.slot % len(streams)]
    last = next(mark.id for mark in taken.body.events if mark.id)
    headers = {**_bare(peer), "accept": SSE_TYPE, LAST_EVENT_ID: last}
    request = HttpRequest("GET", headers=headers, defect=RESUMED)
    async with peer.http.opened(request, peer.patience.answer) as live:
        reply = await live.read(_REPLAYED, lambda so_far: so_far.final is not None) if live.streams else None
    own = taken.sent.value.get("id")
    for entry in reply.messages if reply is not None else ():
        if entry.is_response() and entry.value.get("id") != own:
            wanted = f"nothing but what belongs to request {brief(own)}, whose stream was taken up"
            mismatch = Mismatch(wanted, brief(entry.value), [entry.index])
            mismatch.breaks = "http.event.own-stream"
            raise mismatch


def _resumable(exchange: Exchange) -> bool:
    marked = any(mark.id for mark in exchange.body.events)
    return exchange.sent.is_request() and exchange.streams and marked
