"""Checks of `basic/authorization/authorization-server-discovery`: what a protected server publishes of itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any
from urllib.parse import SplitResult, urlsplit

from conformance.catalogue import load
from conformance.challenges import for_tokens
from conformance.check import Sharing, check
from conformance.expect import Blocked, Inapplicable, Mismatch, brief, literal
from conformance.gate import names_servers, need_oauth
from conformance.peer import Peer
from conformance.published import (
    OF_SERVERS,
    Lookup,
    Page,
    fetch,
    is_loopback,
    may_read,
    origin_of,
    resource_metadata,
    server_metadata,
    split,
)

_ENDPOINTS = ("authorization_endpoint", "token_endpoint")
_NETWORKS = (".internal", ".local", ".lan", ".home.arpa", ".test", ".example", ".invalid", ".localhost")
"""How names end that no public network has."""


@check(
    "auth.metadata",
    "auth.discovery.resource-metadata",
    "auth.discovery.advertised",
    "auth.conformant",
    sharing=Sharing.OUTSIDE,
)
async def metadata(peer: Peer) -> None:
    """The metadata of a protected resource can be found from its challenge or at a well-known place."""
    if not load().binding(("auth.discovery.resource-metadata",), peer.revision, "http"):
        raise Inapplicable("the revision knows no metadata of resources")
    lookup = await _look(peer)
    if lookup.page is None:
        tried = "; ".join(page.describe() for page in lookup.tried)
        entries = [index for page in lookup.tried for index in page.entries]
        nothing = Mismatch("OAuth protected resource metadata, a JSON object", tried, entries)
        if lookup.advertised is None and not await names_servers(peer):
            # A fixed key is shown as a bearer too: who does nothing else by OAuth does not claim to follow its rules.
            nothing.breaks = "auth.conformant"
        raise nothing
    resource = _document(lookup.page).get("resource")
    if not isinstance(resource, str):
        error = Mismatch("metadata with the resource that they are of", literal(resource), lookup.page.entries)
        error.breaks = "auth.discovery.resource-metadata"
        raise error


@check("auth.metadata-address", "auth.discovery.address-answers", sharing=Sharing.OUTSIDE)
async def metadata_address(peer: Peer) -> None:
    """The address that the challenge gives for the metadata answers with them."""
    asked = for_tokens((await need_oauth(peer)).head)
    address = asked.parameters.get("resource_metadata") if asked else None
    if address is None:
        raise Inapplicable("the challenge gives no address")
    if split(address) is None:
        raise Mismatch("an absolute URL as resource_metadata", literal(address))
    if not may_read(peer, address):
        raise Blocked(f"{address} is at another origin, where Touchstone asks nobody")
    page = await fetch(peer, address)
    if page.document is None:
        raise Mismatch("the metadata at the address of the challenge", page.describe(), page.entries)


@check("auth.metadata-servers", "auth.discovery.authorization-servers", sharing=Sharing.OUTSIDE)
async def metadata_servers(peer: Peer) -> None:
    """The metadata name one authorization server at least, by an absolute URL."""
    page = await _need_metadata(peer)
    servers = _document(page).get("authorization_servers")
    if not isinstance(servers, list) or not servers or any(split(server) is None for server in servers):
        raise Mismatch("authorization_servers, a list of URLs that is not empty", brief(servers), page.entries)


@check("auth.metadata-resource", "auth.discovery.resource-equal", sharing=Sharing.OUTSIDE)
async def metadata_resource(peer: Peer) -> None:
    """The resource of the metadata is the URL of the endpoint, character by character."""
    page, parts = await _need_resource(peer)
    url = peer.http.target.url
    if parts.netloc.lower() != urlsplit(url).netloc.lower():
        raise Blocked(f"the metadata are for {parts.geturl()}: give the target by the URL that its clients use")
    if parts.geturl() != url:
        raise Mismatch(f"resource {literal(url)}", f"resource {literal(_document(page)['resource'])}", page.entries)


@check("auth.metadata-slash", "auth.uri.trailing-slash", sharing=Sharing.OUTSIDE)
async def metadata_slash(peer: Peer) -> None:
    """The resource of the metadata does not end with a slash, unless the URL of the endpoint does."""
    page, parts = await _need_resource(peer)
    if parts.geturl().endswith("/") and not peer.http.target.url.endswith("/"):
        resource = literal(_document(page)["resource"])
        raise Mismatch("a resource without a slash at its end", f"resource {resource}", page.entries)


@check("auth.metadata-followed", "auth.discovery.followed", "auth.conformant", sharing=Sharing.OUTSIDE)
async def metadata_followed(peer: Peer) -> None:
    """From the metadata of the resource the way leads on to an authorization server that says where to get tokens."""
    servers = _document(await _need_metadata(peer)).get("authorization_servers")
    issuers = [server for server in servers if split(server)] if isinstance(servers, list) else []
    readable = [issuer for issuer in issuers if may_read(peer, issuer)]
    if not readable:
        raise Blocked(f"the authorization servers are elsewhere, where Touchstone asks nobody: {brief(issuers)}")
    lookups = [(issuer, await server_metadata(peer, issuer)) for issuer in readable]
    if any(_leads_on(lookup.page, issuer) for issuer, lookup in lookups):
        return
    tried = [page for _, lookup in lookups for page in lookup.tried]
    if not any(page.status for page in tried):
        raise Blocked(f"none of the authorization servers is up: {brief(readable)}")
    wanted = f"metadata of the issuer {readable[0]} with {' and '.join(_ENDPOINTS)}"
    raise Mismatch(wanted, "; ".join(page.describe() for page in tried), tried[-1].entries)


def _leads_on(page: Page | None, issuer: str) -> bool:
    """Whether metadata are the issuer's (a last slash aside, over which many stumble) and say where tokens are."""
    found = _document(page) if page else {}
    named = str(found.get("issuer")).rstrip("/") == issuer.rstrip("/")
    return named and any(isinstance(found.get(name), str) for name in _ENDPOINTS)


@check("auth.beyond-loopback", "auth.communication.secure", "auth.early.https", sharing=Sharing.OUTSIDE)
async def beyond_loopback(peer: Peer) -> None:
    """Whatever lies beyond this machine on the way to a token is reached over TLS."""
    refusal = await need_oauth(peer)
    found = [page for page in ((await resource_metadata(peer, refusal)).page, await _early(peer)) if page is not None]
    urls = [("the target", peer.http.target.url), *(named for page in found for named in _named(_document(page)))]
    beyond = [(name, parts) for name, url in urls if (parts := split(url)) and not is_loopback(parts.hostname)]
    if not beyond:
        raise Inapplicable("all of it is on this machine")
    plain = [(name, parts) for name, parts in beyond if parts.scheme == "http"]
    for name, parts in plain:
        if not _is_private(parts.hostname or ""):
            entries = [index for page in found for index in page.entries]
            raise Mismatch(f"https for {name}, which is not on this machine", parts.geturl(), entries)
    if plain:
        raise Blocked(f"{plain[0][1].geturl()} is in a private network, and TLS may end before it")


def _named(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The URLs that metadata name, and what they are."""
    servers = document.get("authorization_servers")
    for server in servers if isinstance(servers, list) else []:
        yield "the authorization server", server
    for name in ("resource", "issuer", *_ENDPOINTS, "registration_endpoint", "revocation_endpoint"):
        if isinstance(document.get(name), str):
            yield f"the {name.replace('_', ' ')}", document[name]


def _is_private(hostname: str) -> bool:
    """Whether a host belongs to a network of its own: of containers, of a cluster, of an office."""
    try:
        return not ipaddress.ip_address(hostname).is_global
    except ValueError:
        return "." not in hostname or hostname.endswith(_NETWORKS)


async def _early(peer: Peer) -> Page | None:
    """The metadata of an authorization server at the target's origin, where it was at 2025-03-26, if it is there."""
    page = await fetch(peer, origin_of(peer) + OF_SERVERS)
    return page if page.document is not None else None


async def _look(peer: Peer) -> Lookup:
    lookup = await resource_metadata(peer, await need_oauth(peer))
    if lookup.page is None and lookup.unread:
        raise Blocked(f"the metadata are said to be at {lookup.advertised}, an origin where Touchstone asks nobody")
    return lookup


async def _need_metadata(peer: Peer) -> Page:
    page = (await _look(peer)).page
    if page is None:
        raise Blocked("no metadata of the resource were found, of which auth.metadata tells")
    return page


async def _need_resource(peer: Peer) -> tuple[Page, SplitResult]:
    page = await _need_metadata(peer)
    parts = split(_document(page).get("resource"))
    if parts is None:
        raise Blocked("the metadata name no resource by a URL")
    return page, parts


def _document(page: Page) -> dict[str, Any]:
    return page.document or {}
