"""Checks of `basic/transports/streamable-http#security-endpoint`: who may reach the server through a browser."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from urllib.parse import urlsplit

from conformance.check import check
from conformance.expect import Blocked, Inapplicable, Mismatch, expect
from conformance.http_link import HttpLink
from conformance.http_reply import HttpRequest
from conformance.links import Gone
from conformance.loopback import BESIDE, is_loopback, tells_addresses_apart
from conformance.peer import Peer, encode
from conformance.transcript import Conversation
from conformance.twins import need_served
from reference_impl.transports.http import HttpPool, Origin

_FOREIGN = "https://touchstone.example"
_LOOKALIKE = "http://localhost.touchstone.example"


@check("http.origin-foreign", "http.origin.validated", "http.origin.forbidden")
async def origin_foreign(peer: Peer) -> None:
    """A request from a foreign web page, by its Origin alone, is refused."""
    await _expect_forbidden(peer, _FOREIGN)


@check("http.origin-lookalike", "http.origin.validated", "http.origin.forbidden")
async def origin_lookalike(peer: Peer) -> None:
    """An Origin that only begins like a local one is refused."""
    await _need_guard(peer)
    await _expect_forbidden(peer, _LOOKALIKE)


async def _need_guard(peer: Peer) -> None:
    """Raise `Blocked` if the server heeds no Origin at all, which is the one thing to say then."""
    answer = await peer.call(
        peer.message(peer.cheap_method), headers={"origin": _FOREIGN}, defect=f"an Origin of {_FOREIGN}"
    )
    if isinstance(answer.result, dict):
        raise Blocked("any Origin is served, as http.origin-foreign tells")


async def _expect_forbidden(peer: Peer, origin: str) -> None:
    await need_served(peer)
    answer = await peer.call(
        peer.message(peer.cheap_method), headers={"origin": origin}, defect=f"an Origin of {origin}"
    )
    if peer.revision.bad_origin_is_403:
        expect(answer.status == 403, f"HTTP 403 for Origin: {origin}", answer.describe())
    else:
        expect(not isinstance(answer.result, dict), f"a refusal for Origin: {origin}", answer.describe())


@check("http.host-foreign", "http.host.validated")
async def host_foreign(peer: Peer) -> None:
    """A server on a loopback address refuses a request for a foreign host name."""
    if not is_loopback(peer.http.hostname):
        raise Inapplicable("the target is not on a loopback address, where proxies and names are the operator's")
    await need_served(peer)
    await _need_guard(peer)
    host = "touchstone.example"
    answer = await peer.call(peer.message(peer.cheap_method), headers={"host": host}, defect=f"a Host of {host}")
    expect(not isinstance(answer.result, dict), f"a refusal for Host: {host}", answer.describe())


@check("http.cors-credentials", "http.cors.credentials")
async def cors_credentials(peer: Peer) -> None:
    """A reply to a foreign web page does not admit that page together with its credentials."""
    answer = await peer.call(
        peer.message(peer.cheap_method), headers={"origin": _FOREIGN}, defect=f"an Origin of {_FOREIGN}"
    )
    allowed = answer.head.get("access-control-allow-origin") if answer.head else None
    credentials = answer.head.get("access-control-allow-credentials") if answer.head else None
    wrong = allowed == _FOREIGN and (credentials or "").strip().lower() == "true"
    expect(not wrong, f"no admission of {_FOREIGN} with credentials", f"Access-Control-Allow-Origin: {allowed}")


@check("http.loopback-only", "http.bind.loopback")
async def loopback_only(peer: Peer) -> None:
    """A server that is reached on a loopback address listens at no other address of the machine."""
    parts = urlsplit(peer.http.target.url)
    if not is_loopback(peer.http.hostname) or parts.scheme != "http":
        raise Inapplicable("the target is not on a loopback address, or has a certificate for one")
    await need_served(peer)
    if not await tells_addresses_apart():
        raise Blocked(f"this machine does not tell {BESIDE} from 127.0.0.1")
    message = peer.message(peer.cheap_method)
    url = parts._replace(netloc=f"{BESIDE}:{parts.port or 80}").geturl()
    headers = {**peer.headers_for(message), "host": parts.netloc}
    async with aclosing(HttpPool(Origin.of(url))) as pool:
        link = HttpLink(replace(peer.http.target, url=url), Conversation("http", "elsewhere"), pool)
        try:
            answer = await link.call(HttpRequest("POST", encode(message), headers, message), peer.patience.answer)
        except Gone:
            return
    if isinstance(answer.result, dict):
        raise Mismatch(f"no connection to {BESIDE}, another address of this machine", answer.describe())
