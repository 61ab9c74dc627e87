"""Access, refresh and ID tokens: how they are made, rotated, looked into and revoked.

All tokens that come from one decision of the user are one family. A refresh token is good for one use; if it comes
again, somebody stole it, and the whole family ends (OAuth 2.1, 4.3.1).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from reference_impl.server.auth.errors import InvalidTokenError
from reference_impl.server.auth.expiring import Expiring
from reference_impl.server.auth.jwt import Claims, verify
from reference_impl.servers.authorization.keys import SigningKeys
from reference_impl.servers.authorization.settings import Settings
from reference_impl.servers.authorization.web import OAuthError

__all__ = ["Granted", "Tokens", "new_family"]

_MOST = 100_000
_OPENID = "openid"


@dataclass(frozen=True, slots=True)
class Granted:
    """What was granted: which client may act for whom, where, and how far.

    `resources` are the audience; `key` is the thumbprint that tokens are bound to (DPoP); `nonce` goes into the ID
    token.
    """

    client_id: str
    subject: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    family: str
    key: str | None = None
    nonce: str | None = None


def new_family() -> str:
    """Return a name for the tokens of a new decision."""
    return secrets.token_urlsafe(12)


@dataclass(frozen=True, slots=True)
class _Refresh:
    granted: Granted
    used: bool = False


class Tokens:
    """All tokens of a server."""

    def __init__(self, settings: Settings, keys: SigningKeys, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._keys = keys
        self._clock = clock
        self._opaque: Expiring[dict[str, Any]] = Expiring(_MOST, clock)
        self._refresh: Expiring[_Refresh] = Expiring(_MOST, clock)
        self._revoked: Expiring[bool] = Expiring(_MOST, clock)

    def issue(self, granted: Granted, refresh: Granted | None = None) -> dict[str, Any]:
        """Return a token response (RFC 6749, 5.1). `refresh` is what its refresh token stands for, if it has one: all
        that was granted, however narrow the access token is."""
        response = {
            "access_token": self._access(granted),
            "token_type": "Bearer" if granted.key is None else "DPoP",
            "expires_in": int(self._settings.lifetimes.access),
            "scope": " ".join(granted.scopes),
        }
        if refresh is not None:
            token = secrets.token_urlsafe(32)
            self._refresh.put(token, _Refresh(refresh), self._settings.lifetimes.refresh)
            response["refresh_token"] = token
        if _OPENID in granted.scopes and self._settings.features.openid:
            response["id_token"] = self._id_token(granted)
        return response

    def _access(self, granted: Granted) -> str:
        now = int(self._clock())
        claims: dict[str, Any] = {
            "iss": self._settings.issuer,
            "sub": granted.subject,
            "aud": granted.resources[0] if len(granted.resources) == 1 else list(granted.resources),
            "client_id": granted.client_id,
            "scope": " ".join(granted.scopes),
            "iat": now,
            "exp": now + int(self._settings.lifetimes.access),
            "jti": f"{granted.family}.{secrets.token_urlsafe(12)}",
        }
        if granted.key is not None:
            claims["cnf"] = {"jkt": granted.key}
        if self._settings.tokens == "jwt":
            return self._keys.sign("at+jwt", claims)
        token = secrets.token_urlsafe(32)
        self._opaque.put(token, claims, self._settings.lifetimes.access)
        return token

    def _id_token(self, granted: Granted) -> str:
        now = int(self._clock())
        claims = {
            "iss": self._settings.issuer,
            "sub": granted.subject,
            "aud": granted.client_id,
            "iat": now,
            "exp": now + int(self._settings.lifetimes.access),
        }
        return self._keys.sign("JWT", claims if granted.nonce is None else {**claims, "nonce": granted.nonce})

    def refreshable(self, token: str, client_id: str, key: str | None) -> Granted:
        """Return what a refresh token stands for; `use_up` comes next, once the request has proven right.

        Raises `OAuthError`, and ends the family if the token had been used before.
        """
        found = self._refresh.get(token)
        if found is None or found.granted.client_id != client_id or self._revoked.get(found.granted.family):
            raise OAuthError("invalid_grant", "the refresh token is not valid")
        if found.used:
            self.end(found.granted.family)
            raise OAuthError("invalid_grant", "the refresh token was used before; all tokens of its family end")
        if found.granted.key not in (None, key):
            raise OAuthError("invalid_grant", "the refresh token is bound to another key")
        return found.granted

    def use_up(self, token: str, granted: Granted) -> None:
        """Note that a refresh token has had its one use."""
        self._refresh.put(token, _Refresh(granted, used=True), self._settings.lifetimes.refresh)

    def end(self, family: str) -> None:
        """Let no token of a family be valid any more."""
        self._revoked.put(family, value=True, seconds=self._settings.lifetimes.refresh)

    def look_into(self, token: str) -> dict[str, Any] | None:
        """Return the claims of an access token that is valid, or None."""
        claims = self._opaque.get(token) or self._own(token)
        if claims is None or claims["exp"] <= self._clock():
            return None
        family, _, _ = claims["jti"].partition(".")
        return None if self._revoked.get(family) or self._revoked.get(claims["jti"]) else claims

    def _own(self, token: str) -> dict[str, Any] | None:
        try:
            jwt = verify(token, self._keys.public, (self._keys.algorithm,))
            Claims(frozenset({"at+jwt"}), leeway=0, clock=self._clock).check(jwt)
        except InvalidTokenError:
            return None
        return jwt.claims

    def revoke(self, token: str, client_id: str) -> None:
        """End a token of this client: a refresh token with its family, an access token alone (RFC 7009, 2.1)."""
        found = self._refresh.get(token)
        if found is not None and found.granted.client_id == client_id:
            self.end(found.granted.family)
        claims = self.look_into(token)
        if claims is not None and claims["client_id"] == client_id:
            self._revoked.put(claims["jti"], value=True, seconds=self._settings.lifetimes.access)
