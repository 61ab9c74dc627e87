"""Who the client is to an authorization server: known beforehand, by a document of its own, or registered on the spot.

Sources: `basic/authorization/client-registration` of 2026-07-28, RFC 7591, RFC 7592 on failures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import msgspec

from reference_impl.client.auth.credentials import ClientIdentity
from reference_impl.client.auth.metadata import AuthorizationServer
from reference_impl.client.auth.scopes import joined
from reference_impl.client.auth.storage import load
from reference_impl.client.auth.venue import Venue, bound_identity
from reference_impl.client.errors import AuthorizationFailed, TokenRefused
from reference_impl.transports.addresses import is_loopback

__all__ = ["ClientDescription", "forget", "known_identity", "registered"]

_METHODS = ("none", "client_secret_basic", "client_secret_post")
"""What to register for, best first: a program on somebody's machine keeps no secret."""


@dataclass(frozen=True, slots=True)
class ClientDescription:
    """What a client says of itself.

    `registered` are its identities from before, `metadata_url` is the HTTPS address of its client id metadata document.
    `refresh` says that it wants refresh tokens. `extra` are further members for a dynamic registration.
    """

    name: str = "Touchstone"
    registered: tuple[ClientIdentity, ...] = ()
    metadata_url: str | None = None
    refresh: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.metadata_url is not None:
            parts = urlsplit(self.metadata_url)
            if parts.scheme != "https" or parts.path in ("", "/"):
                raise ValueError("the client id metadata document needs an https URL with a path")


class _Registered(msgspec.Struct, frozen=True):
    client_id: str
    client_secret: str | None = None
    client_secret_expires_at: float | None = None
    token_endpoint_auth_method: str | None = None


class _Rejected(msgspec.Struct, frozen=True):
    error: str
    error_description: str | None = None


def known_identity(venue: Venue, description: ClientDescription) -> ClientIdentity | None:
    """Return who the client is without asking anybody, or None (`#client-registration`: the order of priority)."""
    for identity in description.registered:
        if identity.issuer == venue.issuer or (identity.issuer is None and len(description.registered) == 1):
            return bound_identity(venue, identity)
    if description.metadata_url is not None and venue.authorization_server.client_id_metadata_document_supported:
        return ClientIdentity(description.metadata_url, venue.issuer, auth_method="none")
    kept = load(venue.store, _name(venue), ClientIdentity)
    return None if kept is None or kept.issuer != venue.issuer or kept.expired else kept


async def registered(
    venue: Venue, description: ClientDescription, redirect_uri: str, scopes: tuple[str, ...]
) -> ClientIdentity:
    """Return who the client is, registering it where nothing else is left: for `scopes`, without which some
    authorization servers allow none. Raises `AuthorizationFailed`."""
    known = known_identity(venue, description)
    dynamic = known is not None and known.redirect_uri is not None
    if known is not None and (not dynamic or (known.redirect_uri == redirect_uri and set(scopes) <= set(known.scopes))):
        return known
    endpoint = venue.authorization_server.registration_endpoint
    if endpoint is None:
        elsewhere = ", ".join(str(identity.issuer) for identity in description.registered)
        hint = f"; it is registered with {elsewhere}" if elsewhere else "; it has to be registered there by hand"
        raise AuthorizationFailed(f"{venue.issuer} does not know this client and registers none{hint}")
    metadata = _metadata(venue.authorization_server, description, redirect_uri) | joined(scopes)
    identity = replace(await _register(venue, endpoint, metadata), redirect_uri=redirect_uri, scopes=scopes)
    venue.store.write(_name(venue), asdict(identity))
    return identity


def forget(venue: Venue) -> bool:
    """Forget a dynamic registration; tell whether there was one."""
    there = venue.store.read(_name(venue)) is not None
    venue.store.write(_name(venue), None)
    return there


def _name(venue: Venue) -> str:
    """By issuer, and by server as well: what is made anew for one leaves the refresh tokens of the others alone."""
    return f"client {venue.issuer} {venue.resource}"


def _metadata(server: AuthorizationServer, description: ClientDescription, redirect_uri: str) -> dict[str, Any]:
    offered = server.token_auth_methods
    native = is_loopback(urlsplit(redirect_uri).hostname)
    return {
        "client_name": description.name,
        "redirect_uris": [redirect_uri],
        "grant_types": ["authorization_code", *(["refresh_token"] if description.refresh else [])],
        "response_types": ["code"],
        "token_endpoint_auth_method": next((method for method in _METHODS if method in offered), "none"),
        # Left out it would mean "web", to which OpenID providers allow no loopback address.
        "application_type": "native" if native else "web",
        **description.extra,
    }


async def _register(venue: Venue, endpoint: str, metadata: dict[str, Any]) -> ClientIdentity:
    reply = await venue.fetcher.post_json(endpoint, metadata)
    try:
        if reply.status not in (200, 201):
            rejected = msgspec.json.decode(reply.body, type=_Rejected)
            raise TokenRefused(f"the registration at {venue.issuer}", rejected.error, rejected.error_description or "")
        found = msgspec.json.decode(reply.body, type=_Registered)
    except (msgspec.DecodeError, RecursionError):
        raise AuthorizationFailed(f"{venue.issuer} registered no client: HTTP {reply.status}") from None
    return ClientIdentity(
        found.client_id,
        venue.issuer,
        found.client_secret,
        auth_method=found.token_endpoint_auth_method,
        secret_expires_at=found.client_secret_expires_at or 0,
    )
