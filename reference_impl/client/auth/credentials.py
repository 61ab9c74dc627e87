"""What a client keeps: who it is to an authorization server, and the tokens it has for a server.

Nothing here shows a secret when it is printed.
Source: `client-registration#authorization-server-binding` of 2026-07-28.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

__all__ = ["ClientIdentity", "Tokens"]


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """A client as one authorization server knows it.

    `issuer` is that authorization server; None binds the identity to the first one that its server names. `auth_method`
    is how it authenticates at the token endpoint (None: the best that both sides can). `private_key` is a PEM for
    `private_key_jwt`, `algorithm` its JWS algorithm (None: the usual one of the key). `redirect_uri` and `scopes` are
    what a dynamic registration was made for, `secret_expires_at` is when its secret ends, in seconds since the epoch
    (0: never).
    """

    client_id: str
    issuer: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    algorithm: str | None = None
    auth_method: str | None = None
    redirect_uri: str | None = None
    scopes: tuple[str, ...] = ()
    secret_expires_at: float = 0

    @property
    def expired(self) -> bool:
        """Whether the secret has ended."""
        return 0 < self.secret_expires_at <= time.time()


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an authorization server issued for one server.

    `requested` are the scopes that were asked for: a later authorization asks for them again. `expires_at` is when
    it is of no more use to begin a request with, a little before its end, in seconds since the epoch.
    """

    access_token: str = field(repr=False)
    issuer: str
    resource: str
    token_type: str = "Bearer"  # noqa: S105 - the name of a kind
    refresh_token: str | None = field(default=None, repr=False)
    expires_at: float | None = None
    requested: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()

    @property
    def expired(self) -> bool:
        """Whether the access token is of no more use."""
        return self.expires_at is not None and self.expires_at <= time.time()

    @property
    def bound(self) -> bool:
        """Whether the access token goes with proofs of a key (RFC 9449)."""
        return self.token_type.lower() == "dpop"
