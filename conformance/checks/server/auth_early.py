"""Checks of authorization as 2025-03-26 has it: the origin of the endpoint is that of the authorization server too.

The page lets an authorization server be a service of its own, and says nothing of how it is found then: where the
origin shows no sign of one, nothing can be judged.
"""

from __future__ import annotations

from urllib.parse import urlencode

from conformance.channel import decode
from conformance.check import Sharing, check
from conformance.expect import Blocked, Inapplicable, Mismatch, literal
from conformance.gate import need_oauth
from conformance.http_reply import HttpRequest
from conformance.peer import Peer
from conformance.published import OF_SERVERS, Page, fetch, may_read, origin_of, resource_metadata, send, split

_ABSENT = frozenset({401, 403, 404, 410, 501})
"""What is answered where there is no endpoint, or a gate before the whole origin."""
_ERRORS = frozenset(
    {"invalid_client", "invalid_grant", "invalid_request", "unauthorized_client", "invalid_client_metadata"}
)
"""What only an endpoint of OAuth answers, with whatever status (RFC 6749, section 5.2; RFC 7591, section 3.2.2)."""
_CLIENT = "touchstone-never-registered"
ELSEWHERE = "http://127.0.0.1:9/touchstone-callback"
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_JSON = {"content-type": "application/json"}


@check("auth.early-metadata", "auth.early.metadata-place", "auth.early.metadata", sharing=Sharing.OUTSIDE)
async def early_metadata(peer: Peer) -> None:
    """The metadata of the authorization server lie right below the origin of the endpoint."""
    await _need_early(peer)
    page = await _metadata(peer)
    if _is_metadata(page):
        return
    beside = await fetch(
        peer, f"{origin_of(peer)}{OF_SERVERS}/{peer.http.target.url.removeprefix(origin_of(peer)).strip('/')}"
    )
    if _is_metadata(beside):
        raise Mismatch(f"the metadata at {page.url}", f"they are at {beside.url}", [*page.entries, *beside.entries])
    await _need_defaults(peer)
    error = Mismatch(f"metadata of an authorization server at {page.url}", page.describe(), page.entries)
    error.breaks = "auth.early.metadata"
    raise error


@check("auth.early-paths", "auth.early.default-paths", sharing=Sharing.OUTSIDE)
async def early_paths(peer: Peer) -> None:
    """A server without metadata has its endpoints at /authorize and /token below its origin."""
    await _need_early(peer)
    if _is_metadata(await _metadata(peer)):
        raise Inapplicable("the target publishes metadata, which say where its endpoints are")
    for page in await _need_defaults(peer):
        if _is_absent(page):
            raise Mismatch(f"an endpoint at {page.url}", page.describe(), page.entries)


@check("auth.early-registration", "auth.early.registration", sharing=Sharing.OUTSIDE)
async def early_registration(peer: Peer) -> None:
    """A server lets clients register themselves."""
    await _need_early(peer)
    page = await _metadata(peer)
    if page.document is not None and _is_metadata(page):
        if split(page.document.get("registration_endpoint")) is None:
            actual = f"registration_endpoint {literal(page.document.get('registration_endpoint'))}"
            raise Mismatch("a registration_endpoint in the metadata", actual, page.entries)
        return
    await _need_defaults(peer)
    # An array registers nobody anywhere.
    register = await send(peer, f"{origin_of(peer)}/register", HttpRequest(body=b"[]", headers=_JSON))
    if _is_absent(register):
        raise Mismatch(f"an endpoint at {register.url}", register.describe(), register.entries)


@check("auth.early-redirect", "auth.early.redirect-validated", sharing=Sharing.OUTSIDE)
async def early_redirect(peer: Peer) -> None:
    """Nobody is sent to an address that no client registered."""
    await _need_early(peer)
    page = await _metadata(peer)
    found = page.document if page.document is not None and _is_metadata(page) else {}
    endpoint = found.get("authorization_endpoint", f"{origin_of(peer)}/authorize")
    if split(endpoint) is None or not may_read(peer, endpoint):
        raise Blocked(f"the authorization endpoint is elsewhere, where Touchstone asks nobody: {literal(endpoint)}")
    query = {"response_type": "code", "client_id": _CLIENT, "redirect_uri": ELSEWHERE, "state": "touchstone"}
    query |= {"code_challenge": "a" * 43, "code_challenge_method": "S256"}
    url = f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"
    asked = await send(peer, url, HttpRequest("GET"))
    if not found and _is_absent(asked):
        raise Blocked("there is no authorization endpoint at the origin; the authorization server may be elsewhere")
    if asked.location is not None and asked.location.startswith(ELSEWHERE):
        wanted = "no redirect for a client that never registered"
        raise Mismatch(wanted, f"HTTP {asked.status} to {asked.location}", asked.entries)


async def _need_early(peer: Peer) -> None:
    """Raise `Inapplicable` for a target that says where its authorization server is, as later revisions have it."""
    lookup = await resource_metadata(peer, await need_oauth(peer))
    if lookup.page is not None or lookup.advertised is not None:
        raise Inapplicable("the target names its authorization server, as later revisions have it")


async def _metadata(peer: Peer) -> Page:
    return await fetch(peer, origin_of(peer) + OF_SERVERS)


def _is_metadata(page: Page) -> bool:
    return page.document is not None and isinstance(page.document.get("issuer"), str)


def _is_absent(page: Page) -> bool:
    said = decode(page.text.encode())
    return page.status in _ABSENT and not (isinstance(said, dict) and said.get("error") in _ERRORS)


async def _need_defaults(peer: Peer) -> tuple[Page, Page]:
    """Return what the default endpoints say to requests that ask for nothing. Raises `Blocked` if there is neither."""
    authorize = await send(peer, f"{origin_of(peer)}/authorize", HttpRequest("GET"))
    token = await send(peer, f"{origin_of(peer)}/token", HttpRequest(body=b"grant_type=none", headers=_FORM))
    if _is_absent(authorize) and _is_absent(token):
        raise Blocked("the origin shows no sign of an authorization server, which may be elsewhere")
    return authorize, token
