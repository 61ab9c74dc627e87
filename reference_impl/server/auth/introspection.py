"""Tokens that only their issuer understands: it is asked about them (RFC 7662)."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus

from reference_impl.server.access import Access
from reference_impl.server.auth.errors import InvalidTokenError, VerificationUnavailableError
from reference_impl.server.auth.fetch import Fetcher, FetchError
from reference_impl.server.auth.verifiers import canonical_resource, is_for, read_scopes

__all__ = ["IntrospectionVerifier"]


class IntrospectionVerifier:
    """Asks `endpoint` about tokens for `resource`, authenticated as a client of the issuer.

    `credentials` are client id and secret. No answer, or a strange one, lets nobody in. What was answered is kept for
    `cache_seconds`: a token that was revoked may live on for that long.
    """

    def __init__(
        self,
        resource: str,
        issuer: str,
        endpoint: str,
        credentials: tuple[str, str],
        *,
        cache_seconds: float = 30.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.cache_seconds = cache_seconds
        self._resource = canonical_resource(resource)
        self._issuer = issuer
        self._endpoint = endpoint
        pair = ":".join(quote_plus(item) for item in credentials)
        self._headers = {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        self._clock = clock
        self._fetcher = Fetcher()

    async def verify(self, token: str) -> Access:
        """Return what the issuer says of a token."""
        form = {"token": token, "token_type_hint": "access_token"}
        try:
            answer = (await self._fetcher.post(self._endpoint, form, self._headers)).document
        except FetchError:
            raise VerificationUnavailableError("the issuer cannot be asked about the token") from None
        if answer.get("active") is not True:
            raise InvalidTokenError("the token is not active")
        self._check(answer)
        confirmation = answer.get("cnf")
        client = answer.get("client_id")
        return Access(
            str(answer["sub"]),
            self._issuer,
            client if isinstance(client, str) else None,
            read_scopes(answer),
            answer.get("exp"),
            confirmation.get("jkt") if isinstance(confirmation, dict) else None,
            answer,
        )

    def _check(self, answer: Mapping[str, Any]) -> None:
        ends = answer.get("exp")
        if answer.get("iss", self._issuer) != self._issuer or not answer.get("sub"):
            raise InvalidTokenError("the token is from an issuer that is not trusted here")
        if not is_for(answer.get("aud"), self._resource):
            raise InvalidTokenError("the token is for another resource")
        if ends is not None and (not isinstance(ends, int | float) or ends <= self._clock()):
            raise InvalidTokenError("the token has expired")
