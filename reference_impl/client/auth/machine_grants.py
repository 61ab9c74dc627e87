"""Grants that ask no user: of the client itself, of a workload with an identity of its own, of an enterprise.

Sources: `extensions/auth/oauth-client-credentials`, `extensions/auth/enterprise-managed-authorization`; RFC 7523
section 2.1, RFC 8693.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from reference_impl.client.auth.addresses import require_secure
from reference_impl.client.auth.credentials import ClientIdentity
from reference_impl.client.auth.metadata import AuthorizationServer
from reference_impl.client.auth.scopes import joined
from reference_impl.client.auth.token_endpoint import TokenResponse, request_token
from reference_impl.client.auth.venue import Venue, bound_identity
from reference_impl.client.errors import AuthorizationFailed

__all__ = ["ClientCredentials", "EnterpriseManaged", "IdentityProvider", "WorkloadIdentity"]

_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant
_ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - the name of a kind


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The client acts on its own behalf, with its secret or its private key; it has been registered beforehand."""

    client: ClientIdentity

    async def obtain(self, venue: Venue) -> TokenResponse:
        """See `Grant.obtain`."""
        if self.client.client_secret is None and self.client.private_key is None:
            raise AuthorizationFailed(f"{self.client.client_id} has neither a secret nor a private key")
        fields = {"grant_type": "client_credentials", **joined(venue.scopes)}
        return await venue.token(bound_identity(venue, self.client), fields)

    def identity(self, venue: Venue) -> ClientIdentity | None:
        """See `Grant.identity`."""
        return bound_identity(venue, self.client)

    @property
    def issuers(self) -> tuple[str, ...]:
        """See `Grant.issuers`."""
        return () if self.client.issuer is None else (self.client.issuer,)


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """A workload shows the JWT that its platform gave it (workload identity federation).

    `assertion` is called with the issuer that the JWT has to be for, each time that a token is needed. A refusal is
    final: neither the assertion nor another grant is tried after it.
    """

    client: ClientIdentity
    assertion: Callable[[str], Awaitable[str]]

    async def obtain(self, venue: Venue) -> TokenResponse:
        """See `Grant.obtain`."""
        identity = bound_identity(venue, self.client)  # before the assertion is made, let alone sent
        fields = {"grant_type": _JWT_BEARER, "assertion": await self.assertion(venue.issuer), **joined(venue.scopes)}
        return await venue.token(identity, fields)

    def identity(self, venue: Venue) -> ClientIdentity | None:
        """See `Grant.identity`."""
        return bound_identity(venue, self.client)

    @property
    def issuers(self) -> tuple[str, ...]:
        """See `Grant.issuers`."""
        return () if self.client.issuer is None else (self.client.issuer,)


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """An enterprise's identity provider: its issuer and token endpoint, and who the client is there."""

    issuer: str
    token_endpoint: str
    client: ClientIdentity

    def __post_init__(self) -> None:
        require_secure(self.token_endpoint, "the identity provider's token endpoint")


@dataclass(frozen=True, slots=True)
class EnterpriseManaged:
    """The enterprise decides: the user's identity assertion is exchanged for a grant, and that for an access token.

    `client` is who the client is at the MCP server's authorization server; `subject` returns the identity assertion of
    the user, of the kind `subject_type`.
    """

    client: ClientIdentity
    provider: IdentityProvider
    subject: Callable[[], Awaitable[str]]
    subject_type: str = _ID_TOKEN

    async def obtain(self, venue: Venue) -> TokenResponse:
        """See `Grant.obtain`."""
        identity = bound_identity(venue, self.client)
        fields = {"grant_type": _JWT_BEARER, "assertion": await self._exchanged(venue), **joined(venue.scopes)}
        return await venue.token(identity, fields)

    async def _exchanged(self, venue: Venue) -> str:
        """Return the identity assertion authorization grant for this server (`#4-token-exchange`)."""
        fields = {
            "grant_type": _TOKEN_EXCHANGE,
            "requested_token_type": _ID_JAG,
            "audience": venue.issuer,
            "resource": venue.resource,
            "subject_token": await self.subject(),
            "subject_token_type": self.subject_type,
            **joined(venue.scopes),
        }
        provider = AuthorizationServer(
            issuer=self.provider.issuer,
            token_endpoint=self.provider.token_endpoint,
            token_endpoint_auth_methods_supported=(
                "private_key_jwt",
                "client_secret_basic",
                "client_secret_post",
                "none",
            ),
        )
        response = await request_token(venue.fetcher, provider, self.provider.client, fields)
        if response.issued_token_type != _ID_JAG:
            raise AuthorizationFailed(f"{self.provider.issuer} issued no identity assertion authorization grant")
        return response.access_token

    def identity(self, venue: Venue) -> ClientIdentity | None:
        """See `Grant.identity`."""
        return bound_identity(venue, self.client)

    @property
    def issuers(self) -> tuple[str, ...]:
        """See `Grant.issuers`."""
        return () if self.client.issuer is None else (self.client.issuer,)
