"""Checks of `basic/transports#http-with-sse` of 2024-11-05: the two addresses, and who may reach them.

They make exchanges of their own, beside the stream on which the conversation runs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from conformance.check import Sharing, check
from conformance.expect import Blocked, Inapplicable, Mismatch, expect
from conformance.http_link import HttpLink
from conformance.http_reply import HttpReply, HttpRequest, LiveReply
from conformance.links import Gone
from conformance.loopback import BESIDE, is_loopback, tells_addresses_apart
from conformance.peer import Peer, encode
from conformance.target import HttpTarget, SseTarget
from conformance.transcript import Conversation
from reference_impl.protocol.legacy_sse import LegacySseError, endpoint_url
from reference_impl.protocol.sse import EventReader
from reference_impl.protocol.streamable import JSON_TYPE, SSE_TYPE
from reference_impl.transports.http import HttpPool, Origin

_FOREIGN = "https://touchstone.example"
_TAKEN = 1_000_000
"""More exchanges than the conversation itself will have."""
_AS_A_BROWSER = {"accept": SSE_TYPE, "cache-control": "no-store"}
"""The headers with which an EventSource opens a stream (HTML, `server-sent-events.html#the-eventsource-interface`)."""


@check("sse.stream", "sse.endpoint.stream", sharing=Sharing.UNOPENED)
async def stream(peer: Peer) -> None:
    """GET at the server's address opens a stream of events."""
    async with _streaming(peer, _AS_A_BROWSER) as live:
        expect(live.head.status == 200 and live.streams, "HTTP 200 and a stream of events", live.reply().describe())


@check("sse.endpoint-event", "sse.endpoint.event", sharing=Sharing.UNOPENED)
async def endpoint_event(peer: Peer) -> None:
    """Each stream tells in an endpoint event the URI to which its client is to post."""
    async with _streaming(peer, _AS_A_BROWSER) as live:
        reply = await live.read(peer.patience.answer, _has_endpoint)
        named = _endpoint(reply)
        if named is None:
            raise Mismatch("an event called endpoint", reply.describe())
        try:
            endpoint_url(_target(peer).url, named)
        except LegacySseError as error:
            raise Mismatch("a URI of this server as endpoint", str(error)) from None


@check("sse.post", "sse.endpoint.post", sharing=Sharing.UNOPENED)
async def post(peer: Peer) -> None:
    """A message that is posted to that URI is taken, and its answer comes on the stream."""
    async with _streaming(peer, {"accept": SSE_TYPE}) as live:
        endpoint = await _need_endpoint(peer, live)
        message = peer.opening_request()
        typed = {"content-type": f"{JSON_TYPE}; charset=utf-8"}
        taken = await _posted(peer, endpoint, message, typed)
        expect(200 <= taken.status < 300, "a status of success for a message that is posted", taken.describe())
        reply = await live.read(peer.patience.answer, lambda reply: _answers(reply, message))
        expect(_answers(reply, message), "the answer to initialize on the stream", reply.describe())


@check("sse.origin-foreign", "sse.origin.validated", sharing=Sharing.UNOPENED)
async def origin_foreign(peer: Peer) -> None:
    """A foreign web page, by its Origin alone, gets no stream and can post nothing."""
    foreign, defect = {"origin": _FOREIGN}, f"an Origin of {_FOREIGN}"
    async with _streaming(peer, {"accept": SSE_TYPE}) as live:
        endpoint = await _need_endpoint(peer, live)
        taken = await _posted(peer, endpoint, peer.opening_request(), foreign, defect)
        expect(taken.status >= 400, f"a refusal of POST for Origin: {_FOREIGN}", taken.describe())
    async with _streaming(peer, {"accept": SSE_TYPE, **foreign}, defect) as live:
        opened = live.head.status == 200 and live.streams
        expect(not opened, f"a refusal of GET for Origin: {_FOREIGN}", live.reply().describe())


@check("sse.loopback-only", "sse.bind.loopback", sharing=Sharing.UNOPENED)
async def loopback_only(peer: Peer) -> None:
    """A server that is reached on a loopback address listens at no other address of the machine."""
    parts = urlsplit(_target(peer).url)
    if not is_loopback(parts.hostname or "") or parts.scheme != "http":
        raise Inapplicable("the target is not on a loopback address, or has a certificate for one")
    if not await tells_addresses_apart():
        raise Blocked(f"this machine does not tell {BESIDE} from 127.0.0.1")
    url = parts._replace(netloc=f"{BESIDE}:{parts.port or 80}").geturl()
    request = HttpRequest("GET", headers={"accept": SSE_TYPE, "host": parts.netloc})
    async with aclosing(HttpPool(Origin.of(url))) as pool:
        link = HttpLink(HttpTarget(url, _target(peer).headers), Conversation("http", "elsewhere"), pool)
        try:
            async with link.opened(request, peer.patience.answer) as live:
                opened = live.head.status == 200 and live.streams
        except Gone:
            return
    expect(not opened, f"no connection to {BESIDE}, another address of this machine", f"HTTP {live.head.status}")


# Exchanges ------------------------------------------------------------------------------------------


def _target(peer: Peer) -> SseTarget:
    assert peer.bench is not None
    assert isinstance(peer.bench.target, SseTarget)
    return peer.bench.target


@asynccontextmanager
async def _streaming(peer: Peer, headers: Mapping[str, str], defect: str | None = None) -> AsyncIterator[LiveReply]:
    """The reply to GET at the server's address."""
    request = HttpRequest("GET", headers=headers, defect=defect)
    async with _reaching(peer, _target(peer).url) as link, link.opened(request, peer.patience.answer) as live:
        yield live


async def _posted(
    peer: Peer, url: str, message: dict[str, Any], headers: Mapping[str, str], defect: str | None = None
) -> HttpReply:
    request = HttpRequest("POST", encode(message), {"content-type": JSON_TYPE, **headers}, message, defect)
    async with _reaching(peer, url) as link:
        return await link.exchange(request, peer.patience.answer)


@asynccontextmanager
async def _reaching(peer: Peer, url: str) -> AsyncIterator[HttpLink]:
    async with aclosing(HttpPool(Origin.of(url))) as pool:
        used = max((entry.exchange for entry in peer.conversation.entries), default=0)
        yield HttpLink(HttpTarget(url, _target(peer).headers), peer.conversation, pool, max(used, _TAKEN))


async def _need_endpoint(peer: Peer, live: LiveReply) -> str:
    """Return the address that a stream names. Raises `Blocked` if it names none, which a check of its own reports."""
    named = _endpoint(await live.read(peer.patience.answer, _has_endpoint))
    try:
        return endpoint_url(_target(peer).url, named or "")
    except LegacySseError as error:
        raise Blocked(f"the stream names no address to post to: {error}") from None


def _endpoint(reply: HttpReply) -> str | None:
    """Return what the first endpoint event of a stream names."""
    events = EventReader().feed(reply.body)
    return next((event.data for event in events if event.event == "endpoint" and event.data), None)


def _has_endpoint(reply: HttpReply) -> bool:
    return _endpoint(reply) is not None


def _answers(reply: HttpReply, message: dict[str, Any]) -> bool:
    return any(entry.is_response() and entry.value.get("id") == message["id"] for entry in reply.messages)
