"""How an authorization server behaves, and the clients it knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

__all__ = ["GRANTS", "METHODS", "SCOPES", "Client", "Features", "Lifetimes", "Settings"]

AUTHORIZATION_CODE = "authorization_code"
REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant
CLIENT_CREDENTIALS = "client_credentials"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant

GRANTS = (AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS, JWT_BEARER, TOKEN_EXCHANGE)
"""The grants of the token endpoint."""

SCOPES = ("mcp", "files:read", "files:write")
"""What is offered where nothing else is said."""

METHODS = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")
"""The ways in which a client can authenticate (RFC 7591, 2)."""


@dataclass(frozen=True, slots=True)
class Client:
    """One client (RFC 7591, 2).

    `methods` are the ways in which it may authenticate. `keys` is its JWK set, or `keys_url` the address of that, for
    `private_key_jwt`. `scopes` are those that it may have, None for all. With `introspects` it is a resource server
    that may ask about tokens. `workloads` are issuers and subjects of tokens that platforms give to their workloads,
    each proof enough of this client. `host` is where a client that describes itself lives.
    """

    id: str
    redirect_uris: tuple[str, ...] = ()
    secret: str | None = field(default=None, repr=False)
    name: str = ""
    methods: tuple[str, ...] = ("none",)
    grants: tuple[str, ...] = (AUTHORIZATION_CODE, REFRESH_TOKEN)
    scopes: frozenset[str] | None = None
    keys: Mapping[str, Any] | None = None
    keys_url: str | None = None
    introspects: bool = False
    workloads: tuple[tuple[str, str], ...] = ()
    host: str | None = None


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long what is given out is good for, in seconds."""

    code: float = 60
    access: float = 300
    refresh: float = 24 * 3600
    consent: float = 300
    assertion: float = 300
    key: float = 24 * 3600


@dataclass(frozen=True, slots=True)
class Features:
    """What is offered, each to be switched off where a test needs a server without it.

    `oauth_metadata` is RFC 8414, `openid` OpenID Connect Discovery with its ID tokens; `issuer_parameter` is `iss` in
    authorization responses (RFC 9207); `registration` RFC 7591; `documents` are client id metadata documents,
    `loopback` lets those be on this machine over plain HTTP; `consent` shows a page where otherwise the demo user
    agrees to all; `dpop_nonces` demands nonces in proofs (RFC 9449, 8).
    """

    oauth_metadata: bool = True
    openid: bool = True
    issuer_parameter: bool = True
    registration: bool = True
    documents: bool = True
    loopback: bool = False
    consent: bool = False
    dpop_nonces: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """An authorization server. `issuer` is its URL, without a final slash where it has no path.

    `scopes` are all that it knows, `default_scopes` what a client gets that names none (all, if this is None).
    `resources` are the resource servers it gives tokens for (RFC 8707), any if empty. `users` are the demo users, the
    first is whoever comes without `login_hint`. `tokens` is the form of access tokens; `algorithm` signs them, with the
    private JWK `key` at first if there is one. `methods` are the ways in which clients may authenticate. `trusted` are
    issuers (to the URL of their JWK set, or None to discover it) whose ID-JAG assertions are taken, `platforms` such
    whose workloads are clients here; `chains` are the authorization servers for which this one, as the identity
    provider, makes ID-JAG assertions. Raises `ValueError` for an issuer that clients would not take.
    """

    issuer: str
    clients: tuple[Client, ...] = ()
    scopes: tuple[str, ...] = SCOPES
    default_scopes: tuple[str, ...] | None = None
    resources: tuple[str, ...] = ()
    users: tuple[str, ...] = ("demo", "ann", "bob")
    tokens: Literal["jwt", "opaque"] = "jwt"
    algorithm: Literal["ES256", "RS256"] = "ES256"
    key: Mapping[str, Any] | None = field(default=None, repr=False)
    methods: tuple[str, ...] = METHODS
    trusted: Mapping[str, str | None] = field(default_factory=dict)
    platforms: Mapping[str, str | None] = field(default_factory=dict)
    chains: tuple[str, ...] = ()
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    features: Features = field(default_factory=Features)

    def __post_init__(self) -> None:
        parts = urlsplit(self.issuer)
        local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
        if not (parts.scheme == "https" or local) or parts.query or "#" in self.issuer:
            raise ValueError("an issuer is an https URL without query and fragment (http only on this machine)")
