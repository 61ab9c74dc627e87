"""Checks of event streams in the legacy era: `basic/transports#listening-for-messages-from-the-server`,
`#resumability-and-redelivery`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from conformance.check import Sharing, check
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, expect
from conformance.http_link import RESUMED
from conformance.http_reply import HttpReply, HttpRequest, LiveReply
from conformance.links import Silence
from conformance.peer import Peer, encode
from conformance.transcript import Entry
from conformance.twins import need_served
from reference_impl.protocol.streamable import LAST_EVENT_ID, SSE_TYPE

_HEAD_SECONDS = 5.0
_SLOW_SECONDS = 1.0
_BRIEF_SECONDS = 0.2
_TRIES = 3


@asynccontextmanager
async def _getting(peer: Peer, last_event_id: str | None = None) -> AsyncIterator[LiveReply]:
    """The reply to GET. Raises `Blocked` if no head comes."""
    headers = {**peer.headers_for(None), "accept": SSE_TYPE, "content-type": None, LAST_EVENT_ID: last_event_id}
    async with AsyncExitStack() as stack:
        request = HttpRequest("GET", headers=headers, defect=None if last_event_id is None else RESUMED)
        opening = peer.http.opened(request, peer.patience.answer)
        try:
            live = await stack.enter_async_context(opening)
        except Silence:
            raise Blocked("GET gets no reply before there is an event to send") from None
        yield live


def _need_stream(live: LiveReply) -> None:
    if not live.streams or live.head.status != 200:
        raise Inapplicable(f"GET opens no stream: HTTP {live.head.status}")


@check("http.get-stream-or-405", "http.get.offered", "http.endpoint-legacy", sharing=Sharing.FRESH)
async def get_stream_or_405(peer: Peer) -> None:
    """GET opens a stream of events or gets HTTP 405."""
    await need_served(peer)
    async with _getting(peer) as live:
        if not live.streams:
            await live.read(peer.patience.quiet)
        offered = live.head.status == 200 and live.streams
        expect(offered or live.head.status == 405, "a stream of events or HTTP 405 for GET", live.reply().describe())


@check("http.get-head-at-once", "http.get.prompt", sharing=Sharing.FRESH)
async def get_head_at_once(peer: Peer) -> None:
    """The reply to GET begins before there is an event to send."""
    headers = {**peer.headers_for(None), "accept": SSE_TYPE, "content-type": None}
    seconds = min(_HEAD_SECONDS, peer.patience.answer)
    async with peer.http.opened(HttpRequest("GET", headers=headers), seconds) as live:
        _need_stream(live)


@check("http.get-no-response", "http.get.no-response", sharing=Sharing.FRESH, waits=True)
async def get_no_response(peer: Peer) -> None:
    """The response to a POST does not come on the stream of a GET that is open meanwhile."""
    await need_served(peer)
    async with _getting(peer) as live:
        _need_stream(live)
        answer = await peer.fence()
        # Nothing orders the two connections, so that only a wait can show that the stream stays silent.
        reply = await live.read(peer.patience.quiet, lambda reply: reply.final is not None)
        stray = reply.final
        expect(stray is None, "no response on the stream of GET", stray.value if stray else None)
        expect(isinstance(answer.result, dict), "the response as the answer to its POST", answer.describe())


@check("http.get-unrelated", "http.get.unrelated", sharing=Sharing.FRESH)
async def get_unrelated(peer: Peer) -> None:
    """What a server reports on a call comes on the stream of the call, not on that of a GET."""
    call = peer.surface.need_slow(_BRIEF_SECONDS)
    token = f"touchstone-{peer.new_id()}"

    def is_report(entry: Entry) -> bool:
        about = entry.value.get("params") if entry.is_notification() else None
        return isinstance(about, dict) and about.get("progressToken") == token

    async with _getting(peer) as live:
        _need_stream(live)
        answer = await peer.request("tools/call", call.params, meta={"progressToken": token})
        reply = await live.read(peer.patience.quiet, lambda reply: any(is_report(entry) for entry in reply.messages))
    stray = next((entry for entry in reply.messages if is_report(entry)), None)
    if stray is not None:
        raise Mismatch("progress of a call on the stream of its POST", brief(stray.value), [stray.index])
    if not any(is_report(entry) for entry in answer.earlier):
        raise Blocked(f"{call.tool['name']} reports no progress")


@check("http.resume-own-stream", "http.event.own-stream", sharing=Sharing.FRESH)
async def resume_own_stream(peer: Peer) -> None:
    """Resuming one request's stream replays nothing of another request's."""
    first, second = await _streamed(peer), await _streamed(peer)
    if not first.event_ids or not second.event_ids:
        raise Inapplicable("the events of streams have no ids")
    assert second.final is not None
    foreign = second.final.value["id"]
    async with _getting(peer, first.event_ids[0]) as live:
        _need_stream(live)
        reply = await live.read(peer.patience.quiet, lambda reply: _brings(reply, foreign))
        expect(not _brings(reply, foreign), "messages of the resumed stream alone", reply.describe())


async def _streamed(peer: Peer) -> HttpReply:
    """Return the reply to a request that the server answers with a stream. Raises `Blocked` if none is known."""
    calls: list[tuple[str, dict[str, Any] | None]] = [(peer.cheap_method, None)]
    calls += [("tools/call", call.params) for call in peer.surface.calls() if "progress" in str(call.tool["name"])]
    for method, params in calls:
        message = peer.message(method, params, meta={"progressToken": f"touchstone-{peer.new_id()}"})
        request = HttpRequest("POST", encode(message), peer.headers_for(message), message)
        reply = await peer.http.exchange(request, peer.patience.answer, settle=True)
        if reply.media_type == SSE_TYPE and reply.final is not None:
            return reply
    raise Blocked("no request is known that this server answers with a stream of events")


def _brings(reply: HttpReply, identifier: object) -> bool:
    return any(entry.is_response() and entry.value.get("id") == identifier for entry in reply.messages)


@check("http.disconnect-cancels-nothing", "http.stream.disconnect", sharing=Sharing.FRESH)
async def disconnect_cancels_nothing(peer: Peer) -> None:
    """A call whose connection breaks runs on, and its result can be fetched by resuming the stream."""
    call = peer.surface.need_slow(_SLOW_SECONDS)
    token = f"touchstone-{peer.new_id()}"
    message = peer.message("tools/call", call.params, meta={"progressToken": token})
    request = HttpRequest("POST", encode(message), peer.headers_for(message), message)
    async with peer.http.opened(request, peer.patience.answer) as live:
        begun = await live.read(peer.patience.answer, lambda reply: bool(reply.event_ids))
    if begun.final is not None or not begun.event_ids:
        raise Blocked("the server sends no event with an id during the call, so that nobody can come back for the rest")
    for _ in range(_TRIES):
        async with _getting(peer, begun.event_ids[-1]) as live:
            _need_stream(live)
            resumed = await live.read(_SLOW_SECONDS, lambda reply: _brings(reply, message["id"]))
        if _brings(resumed, message["id"]):
            break
    else:
        raise Blocked("the resumed stream brings no response, which says nothing about the call")
    final = resumed.final
    assert final is not None
    expect("result" in final.value, "the result of the call that was cut off", final.value)
