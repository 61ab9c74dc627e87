"""From a refused request to the server's own metadata, and from there to its authorization server's.

Sources: `basic/authorization/authorization-server-discovery` of 2026-07-28; `#server-metadata-discovery` of 2025-03-26
for servers without protected resource metadata, RFC 9728 section 3.3, RFC 8414 section 3.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reference_impl.client.auth.addresses import (
    authorization_server_locations,
    base_url,
    canonical,
    covers,
    require_secure,
    resource_locations,
)
from reference_impl.client.auth.fetching import Fetched, Fetches
from reference_impl.client.auth.metadata import (
    AuthorizationServer,
    ProtectedResource,
    read_authorization_server,
    read_protected_resource,
)
from reference_impl.client.errors import AuthorizationFailed

__all__ = ["Discovered", "discover"]

_MOST = 8
"""Authorization servers that are tried at most."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """Whom to ask for tokens, and for what: `resource` is the identifier that goes into the requests as it is."""

    resource: str
    server: AuthorizationServer
    scopes_supported: tuple[str, ...] | None = None
    bound_tokens: bool = False


async def discover(
    fetcher: Fetches, server: str, named: str | None, preferred: Iterable[str], headers: Mapping[str, str]
) -> Discovered:
    """Find the authorization server of an MCP server.

    `named` is the address of the metadata that a challenge gave; `preferred` are issuers at which the client is known,
    best first; `headers` go with every request. Raises `AuthorizationFailed`.
    """
    document = await _protected_resource(fetcher, server, named, headers)
    if document is None:
        return Discovered(canonical(server), await _unannounced(fetcher, server, headers))
    if not document.authorization_servers:
        raise AuthorizationFailed(f"{server} names no authorization server in its metadata")
    issuers = _sorted(document.authorization_servers, tuple(preferred))
    return Discovered(
        document.resource,
        await _first_of(fetcher, issuers, headers),
        document.scopes_supported,
        bool(document.dpop_bound_access_tokens_required),
    )


def _sorted(issuers: tuple[str, ...], preferred: tuple[str, ...]) -> list[str]:
    known = [issuer for issuer in preferred if issuer in issuers]
    return list(dict.fromkeys((*known, *issuers)))[:_MOST]


# The server's own metadata --------------------------------------------------------------------------


async def _protected_resource(
    fetcher: Fetches, server: str, named: str | None, headers: Mapping[str, str]
) -> ProtectedResource | None:
    """Look where the challenge says, then where it lies by convention; None if it is nowhere."""
    for where in dict.fromkeys((*([named] if named else []), *resource_locations(server))):
        found = await fetcher.get(require_secure(where, "the address of the resource metadata"), headers)
        if not _is_document(found):
            continue
        document = read_protected_resource(found.body, where)
        if not covers(document.resource, server):
            # What it says is about another server: a token for that one must not go to this one.
            raise AuthorizationFailed(f"the metadata of {server} is about another resource: {document.resource}")
        return document
    return None


def _is_document(found: Fetched) -> bool:
    return found.status == 200 and found.body.lstrip().startswith(b"{")


# The authorization server's metadata ----------------------------------------------------------------


async def _first_of(fetcher: Fetches, issuers: list[str], headers: Mapping[str, str]) -> AuthorizationServer:
    failure: AuthorizationFailed | None = None
    for issuer in issuers:
        try:
            found = await _published(fetcher, issuer, (issuer,), headers)
        except AuthorizationFailed as error:
            failure = failure or error
            continue
        if found is not None:
            return found
        failure = failure or AuthorizationFailed(f"{issuer} publishes no authorization server metadata")
    assert failure is not None
    raise failure


async def _published(
    fetcher: Fetches, issuer: str, allowed: tuple[str, ...], headers: Mapping[str, str]
) -> AuthorizationServer | None:
    """Return the first metadata that is the issuer's own; None if there is none at all.

    Raises `AuthorizationFailed` if all that there is speaks for another issuer.
    """
    require_secure(issuer, "the issuer")
    failure: AuthorizationFailed | None = None
    for where in authorization_server_locations(issuer):
        found = await fetcher.get(where, headers)
        if not _is_document(found):
            continue
        try:
            document = read_authorization_server(found.body, where)
        except AuthorizationFailed as error:
            failure = failure or error
            continue
        if document.issuer in allowed:
            return document
        failure = failure or AuthorizationFailed(f"{where} speaks for another issuer: {document.issuer}")
    if failure is not None:
        raise failure
    return None


async def _unannounced(fetcher: Fetches, server: str, headers: Mapping[str, str]) -> AuthorizationServer:
    """Return the authorization server that a server of 2025-03-26 is itself, at the root of its origin: by metadata, or
    by the default endpoints (`#fallbacks-for-servers-without-metadata-discovery`)."""
    base = base_url(server)
    # Nobody named this issuer: with and without its slash, it is where the well-known address was made from.
    found = await _published(fetcher, base, (base, f"{base}/"), headers)
    return found or AuthorizationServer(
        issuer=base,
        authorization_endpoint=f"{base}/authorize",
        token_endpoint=f"{base}/token",
        registration_endpoint=f"{base}/register",
        code_challenge_methods_supported=("S256",),
        token_endpoint_auth_methods_supported=("none", "client_secret_basic", "client_secret_post"),
    )
