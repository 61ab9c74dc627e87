"""Documents beside an MCP endpoint: what a protected server and its authorization server publish of themselves.

They are read from the target's own origin, from elsewhere on this machine if the target is here too, and from where
the user says. Nobody else is asked anything, whatever a target names.
"""

from __future__ import annotations

import ipaddress
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from conformance.challenges import for_tokens
from conformance.channel import decode
from conformance.expect import Mismatch, brief
from conformance.http_link import HttpLink
from conformance.http_reply import HttpRequest
from conformance.transcript import NO_JSON
from reference_impl.transports.http import HttpPool, Origin

if TYPE_CHECKING:
    from conformance.links import Answer
    from conformance.peer import Peer

__all__ = [
    "OF_RESOURCES",
    "OF_SERVERS",
    "Lookup",
    "Page",
    "fetch",
    "is_loopback",
    "may_read",
    "origin_of",
    "resource_metadata",
    "send",
    "server_metadata",
    "split",
]

OF_RESOURCES = "/.well-known/oauth-protected-resource"
"""RFC 9728, section 3."""
OF_SERVERS = "/.well-known/oauth-authorization-server"
"""RFC 8414, section 3."""
_OF_OPENID = "/.well-known/openid-configuration"
_REDIRECTS = 3
_FOUND = 200


@dataclass(frozen=True, slots=True)
class Page:
    """What came for one address: `document` is its JSON object, None where there is none; `location` where a redirect
    leads; `entries` are the evidence."""

    url: str
    status: int
    document: dict[str, Any] | None
    location: str | None
    entries: tuple[int, ...]
    text: str

    def describe(self) -> str:
        """Return the page in a line, for a failure's `actual`."""
        return f"{self.url}: HTTP {self.status}, {brief(self.text, 120) or 'an empty body'}"


@dataclass(frozen=True, slots=True)
class Lookup:
    """The search for a document: `page` is the first that holds one, `tried` are all that were asked for; `advertised`
    is the address that a challenge gave, `unread` that it is not for us to ask."""

    page: Page | None
    tried: tuple[Page, ...]
    advertised: str | None = None
    unread: bool = False


def split(url: object) -> SplitResult | None:
    """Return the parts of an absolute http or https URL, or None."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        whole = parts is not None and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if parts is not None and whole and parts.scheme in ("http", "https") else None


def is_loopback(hostname: str | None) -> bool:
    """Whether a host is this machine, by its address or name."""
    try:
        return ipaddress.ip_address(hostname or "").is_loopback
    except ValueError:
        return hostname == "localhost"


def may_read(peer: Peer, url: str) -> bool:
    """Whether a document at that address is for us to read."""
    parts, target = split(url), split(peer.http.target.url)
    if parts is None or target is None:
        return False
    here = is_loopback(parts.hostname) and is_loopback(target.hostname)
    known = (peer.http.target.url, *peer.http.target.identities.readable)
    return here or Origin.of(url) in map(Origin.of, known)


def origin_of(peer: Peer) -> str:
    """Return the target's URL without its path."""
    return urlsplit(peer.http.target.url)._replace(path="", query="", fragment="").geturl()


async def fetch(peer: Peer, url: str) -> Page:
    """Get a page without credentials, and where it redirects to. Raises `Silence` or `Gone` if there is no answer."""
    page = await send(peer, url, HttpRequest("GET", headers={"accept": "application/json"}))
    for _ in range(_REDIRECTS):
        if page.location is None or not may_read(peer, page.location):
            break
        page = await send(peer, page.location, HttpRequest("GET", headers={"accept": "application/json"}))
    return page


async def send(peer: Peer, url: str, request: HttpRequest) -> Page:
    """Send a request without credentials to an address that is for us to ask. Raises `Silence` or `Gone`."""
    assert may_read(peer, url)
    _unwatch(peer)
    target = peer.http.target
    same = Origin.of(url) == Origin.of(target.url)
    # What a gate wants beside a token (a key, a switch) goes to its own origin only.
    elsewhere = replace(target.bearing(None) if same else replace(target, headers={}), url=url)
    async with aclosing(HttpPool(Origin.of(url))) as pool:
        reply = await HttpLink(elsewhere, peer.conversation, pool).exchange(request, peer.patience.answer)
    value = decode(reply.body) if reply.status == _FOUND else NO_JSON
    location = reply.head.get("location") if 300 <= reply.status < 400 else None
    sent = reply.sent.index if reply.sent else 0
    return Page(
        url=url,
        status=reply.status,
        document=value if isinstance(value, dict) else None,
        location=None if location is None else urljoin(url, location),
        entries=tuple(range(sent, len(peer.conversation.entries))),
        text=reply.body.decode("utf-8", "replace"),
    )


def _unwatch(peer: Peer) -> None:
    """Keep the conversation from the monitors, who would take the documents in it for messages of the protocol."""
    assert peer.bench is not None
    heard = peer.bench.conversations
    heard[:] = [conversation for conversation in heard if conversation is not peer.conversation]


async def resource_metadata(peer: Peer, refusal: Answer) -> Lookup:
    """Look for the metadata of the target as a protected resource, as clients do: where the challenge says, then at the
    well-known places (2025-11-25 `basic/authorization#protected-resource-metadata-discovery-requirements`)."""
    challenge = for_tokens(refusal.head)
    advertised = challenge.parameters.get("resource_metadata") if challenge else None
    readable = advertised is not None and may_read(peer, advertised)
    first = [advertised] if advertised is not None and readable else []
    lookup = await _first(peer, [*first, *_beside(peer.http.target.url, OF_RESOURCES)], "authorization_servers")
    return replace(lookup, advertised=advertised, unread=advertised is not None and not readable)


async def server_metadata(peer: Peer, issuer: str) -> Lookup:
    """Look for the metadata of an authorization server, as clients do
    (2025-11-25 `basic/authorization#authorization-server-metadata-discovery`)."""
    appended = issuer.rstrip("/") + _OF_OPENID
    inserted = [_inserted(issuer, place) for place in (OF_SERVERS, _OF_OPENID)]
    return await _first(peer, [*inserted, appended], "issuer")


async def _first(peer: Peer, urls: list[str], telling: str) -> Lookup:
    """Return the first page whose document has the telling member; a page for people lies at many an address."""
    tried: list[Page] = []
    for url in dict.fromkeys(urls):
        try:
            page = await fetch(peer, url)
        except Mismatch as mismatch:
            tried.append(Page(url, 0, None, None, mismatch.entries, mismatch.actual))
            continue
        tried.append(page)
        if page.document is not None and (telling in page.document or "resource" in page.document):
            return Lookup(page, tuple(tried))
    return Lookup(None, tuple(tried))


def _beside(endpoint: str, place: str) -> list[str]:
    """The well-known addresses for an endpoint: of its path, as it is and without a last slash, and of its origin."""
    parts = urlsplit(endpoint)
    whole = parts._replace(path=place + parts.path.removesuffix("/" if parts.path == "/" else ""), fragment="")
    return [whole.geturl(), _inserted(endpoint, place), parts._replace(path=place, query="", fragment="").geturl()]


def _inserted(url: str, place: str) -> str:
    parts = urlsplit(url)
    return parts._replace(path=place + parts.path.rstrip("/"), fragment="").geturl()
