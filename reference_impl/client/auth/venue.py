"""Where an authorization takes place: everything that a grant has to know, and nothing of how it came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from reference_impl.client.auth.credentials import ClientIdentity
from reference_impl.client.auth.fetching import Fetches
from reference_impl.client.auth.metadata import AuthorizationServer
from reference_impl.client.auth.signing import ProofKey
from reference_impl.client.auth.storage import Store
from reference_impl.client.auth.token_endpoint import TokenResponse, request_token
from reference_impl.client.errors import AuthorizationFailed

__all__ = ["Grant", "Venue", "bound_identity"]


@dataclass(frozen=True, slots=True)
class Venue:
    """One authorization for one server (`resource`) at one authorization server.

    `scopes` are those to ask for. `proofs` is the key that tokens are to be bound to, where the server wants that.
    """

    resource: str
    authorization_server: AuthorizationServer
    scopes: tuple[str, ...]
    fetcher: Fetches
    store: Store
    proofs: ProofKey | None = None

    @property
    def issuer(self) -> str:
        """The authorization server's identifier: what credentials are kept by."""
        return self.authorization_server.issuer

    async def token(self, client: ClientIdentity, fields: Mapping[str, str]) -> TokenResponse:
        """Ask the token endpoint; the resource is always named (`#resource-parameter-implementation`).

        Raises `TokenRefused`, `AuthorizationFailed`; nothing is sent for an identity of another issuer.
        """
        if client.issuer != self.issuer:
            raise AuthorizationFailed(f"{client.client_id} is registered with {client.issuer}, not with {self.issuer}")
        wanted = {**fields, "resource": self.resource}
        return await request_token(self.fetcher, self.authorization_server, client, wanted, self.proofs)


class Grant(Protocol):
    """A way to obtain tokens."""

    async def obtain(self, venue: Venue) -> TokenResponse:
        """Obtain tokens from nothing. Raises `AuthorizationFailed`."""
        ...

    def identity(self, venue: Venue) -> ClientIdentity | None:
        """Return who the client is at this venue, where that is known already: its tokens are refreshed as him."""

    @property
    def issuers(self) -> tuple[str, ...]:
        """The issuers at which the client has been registered beforehand."""


def bound_identity(venue: Venue, identity: ClientIdentity) -> ClientIdentity:
    """Return an identity that holds at the venue's issuer.

    One without an issuer is bound to the first that its server names, for ever: secrets never follow a server to
    another authorization server. Raises `AuthorizationFailed` if it belongs elsewhere.
    """
    name = f"bound {identity.client_id} {venue.resource}"
    issuer = identity.issuer or venue.store.read(name) or venue.issuer
    if issuer != venue.issuer:
        raise AuthorizationFailed(
            f"{venue.resource} names the authorization server {venue.issuer}, but {identity.client_id} is registered "
            f"with {issuer}"
        )
    if identity.issuer is None:
        venue.store.write(name, issuer)
    return replace(identity, issuer=issuer)
