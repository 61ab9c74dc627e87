"""Access tokens that are JSON Web Tokens, verified with the keys of their issuer (RFC 9068)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reference_impl.server.access import Access
from reference_impl.server.auth.errors import InvalidTokenError
from reference_impl.server.auth.jwt import ALGORITHMS, Claims, Jwt, read, verify
from reference_impl.server.auth.keys import FetchedKeys, KeySource
from reference_impl.server.auth.verifiers import canonical_resource, is_for, read_scopes

__all__ = ["JwtRules", "JwtVerifier"]


@dataclass(frozen=True, slots=True)
class JwtRules:
    """What access tokens must be like.

    `algorithms` may sign them. `types` are the values of `typ` without `application/`, in lower case; an issuer that
    does not follow RFC 9068 may need `jwt` there. `leeway` is in seconds.
    """

    algorithms: tuple[str, ...] = ("ES256", "ES384", "PS256", "RS256", "EdDSA")
    types: frozenset[str] = frozenset({"at+jwt"})
    leeway: float = 30.0
    clock: Callable[[], float] = time.time


class JwtVerifier:
    """Verifies tokens of trusted issuers for one resource.

    `issuers` are their URLs, whose metadata leads to their keys, or a mapping to other sources of keys.
    """

    cache_seconds = 300.0

    def __init__(
        self, resource: str, issuers: Iterable[str] | Mapping[str, KeySource], rules: JwtRules | None = None
    ) -> None:
        self._resource = canonical_resource(resource)
        given = issuers if isinstance(issuers, Mapping) else {issuer: FetchedKeys(issuer) for issuer in issuers}
        self._sources: dict[str, KeySource] = dict(given)
        self._rules = rules or JwtRules()
        if not set(self._rules.algorithms) <= set(ALGORITHMS):
            raise ValueError("only asymmetric signature algorithms can be allowed")
        self._claims = Claims(self._rules.types, leeway=self._rules.leeway, clock=self._rules.clock)

    async def verify(self, token: str) -> Access:
        """Return what a token says, once signature, issuer, audience, type and times are right."""
        unproven = read(token)
        if unproven.header.get("alg") not in self._rules.algorithms:
            raise InvalidTokenError("the token is signed with an algorithm that is not allowed")
        jwt = verify(token, await self._source(unproven).find(_key_id(unproven)), self._rules.algorithms)
        self._claims.check(jwt)
        if not is_for(jwt.claims["aud"], self._resource):
            raise InvalidTokenError("the token is for another resource")
        return _access(jwt.claims)

    def _source(self, unproven: Jwt) -> KeySource:
        issuer = unproven.claims.get("iss")
        source = self._sources.get(issuer) if isinstance(issuer, str) else None
        if source is None:
            raise InvalidTokenError("the token is from an issuer that is not trusted here")
        return source


def _key_id(jwt: Jwt) -> str | None:
    kid = jwt.header.get("kid")
    if kid is not None and not isinstance(kid, str):
        raise InvalidTokenError("the token is no JSON Web Token")
    return kid


def _access(claims: Mapping[str, Any]) -> Access:
    confirmation = claims.get("cnf")
    thumbprint = confirmation.get("jkt") if isinstance(confirmation, dict) else None
    if "cnf" in claims and not isinstance(thumbprint, str):
        raise InvalidTokenError("the token is bound to its client in a way that is not supported here")
    client = claims.get("client_id", claims.get("azp"))
    return Access(
        str(claims["sub"]),
        claims["iss"],
        client if isinstance(client, str) else None,
        read_scopes(claims),
        claims["exp"],
        thumbprint,
        claims,
    )
