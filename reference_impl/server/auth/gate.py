"""The gate of a protected endpoint: from the headers of a request to its `Access`, or a refusal."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from reference_impl.protocol.messages import MalformedError, Message, decode_json, encode_json, parse_value
from reference_impl.server.access import ACCESS, Access
from reference_impl.server.auth.authorization import Authorization
from reference_impl.server.auth.challenges import Challenges
from reference_impl.server.auth.errors import InvalidTokenError, VerificationUnavailableError
from reference_impl.server.auth.expiring import Expiring
from reference_impl.server.auth.verifiers import canonical_resource
from reference_impl.server.http.messages import HttpRequest, HttpResponse, Scope, json_response
from reference_impl.server.scopes import InsufficientScopeError, check_scopes

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["Gate"]

_logger = logging.getLogger("reference_impl.server.auth")
_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_SCHEMES = ("bearer", "dpop")
_LONGEST = 16 * 1024
_MOST_KEPT = 10_000


class Gate:
    """Lets requests in that show a valid token with the scopes that every request needs.

    Verified tokens are remembered by their digest, as long as their verifier allows.
    """

    def __init__(self, authorization: Authorization, path: str, clock: Callable[[], float] = time.time) -> None:
        self._authorization = authorization
        self._scopes = frozenset(authorization.scopes)
        self._challenges = Challenges(authorization)
        self._clock = clock
        self._kept: Expiring[Access] = Expiring(_MOST_KEPT, clock)
        self._resource = canonical_resource(authorization.resource)
        self._tail = path.rstrip("/")
        self._paths = authorization.metadata_paths(path)
        self._metadata = encode_json(authorization.metadata())

    def metadata(self, path: str) -> HttpResponse | None:
        """Return the protected resource metadata, if `path` is where it is served."""
        if path not in self._paths:
            return None
        headers = {"cache-control": "public, max-age=300", "access-control-allow-origin": "*"}
        return json_response(self._metadata, headers=headers)

    async def admit(self, request: HttpRequest, scope: Scope) -> HttpRequest:
        """Return the request with its principal. What it starts finds its access in `ACCESS`. Raises `HttpError`."""
        scheme, token = self._credentials(request, scope)
        access = self._kept.get(token)
        if access is None:
            access = await self._verified(token)
        if scheme == "dpop" or access.jkt is not None or self._requires_proof():
            self._prove(request, scheme, token, access)
        if not self._scopes <= access.scopes:
            raise self._challenges.insufficient_scope((), _named(scheme))
        ACCESS.set(access)
        return msgspec.structs.replace(request, principal=access.principal)

    def check(self, server: AdvancedMCPServer, what: Message | list[Any]) -> None:
        """Refuse a message, or a batch of them as decoded JSON, that reaches for what needs more scopes than the token
        has. What is no request passes here, and is judged by others. Raises `HttpError` (403)."""
        needed: list[str] = []
        for item in what if isinstance(what, list) else (what,):
            try:
                check_scopes(server, parse_value(item) if isinstance(item, dict) else item)
            except InsufficientScopeError as error:
                needed += error.scopes
            except MalformedError:
                continue
        if needed:
            access = ACCESS.get()
            scheme = "DPoP" if access is not None and access.jkt is not None else "Bearer"
            raise self._challenges.insufficient_scope(tuple(needed), scheme)

    def check_body(self, server: AdvancedMCPServer, body: bytes) -> None:
        """Do the same with a body; one that is not JSON passes here. Raises `HttpError` (403)."""
        with contextlib.suppress(MalformedError):
            value = decode_json(body)
            self.check(server, value if isinstance(value, list) else [value])

    def _credentials(self, request: HttpRequest, scope: Scope) -> tuple[str, str]:
        """Return scheme and token of the Authorization header; a token anywhere else counts for nothing."""
        scheme, _, token = (request.header("authorization") or "").partition(" ")
        scheme = scheme.lower()
        if scheme not in _SCHEMES or (scheme == "dpop" and self._authorization.dpop is None):
            raise self._challenges.unauthorized()
        if _names_token(scope.get("query_string", b"")):
            raise self._challenges.malformed("a token has no place in the URL")
        return scheme, token.strip(" ")

    async def _verified(self, token: str) -> Access:
        if len(token) > _LONGEST or _TOKEN.fullmatch(token) is None:
            raise self._challenges.malformed("the Authorization header holds no single token")
        verifier = self._authorization.verifier
        try:
            access = await verifier.verify(token)
        except InvalidTokenError as error:
            _logger.info("a token was refused: %s", error)
            raise self._challenges.unauthorized("invalid_token", str(error)) from None
        except VerificationUnavailableError as error:
            _logger.warning("a token could not be judged: %s", error)
            raise self._challenges.unavailable(str(error)) from None
        scopes = self._authorization.reach(access.scopes)
        access = msgspec.structs.replace(access, scopes=scopes, hides=self._authorization.hides)
        left = float("inf") if access.expires_at is None else access.expires_at - self._clock()
        if min(left, verifier.cache_seconds) > 0:
            self._kept.put(token, access, min(left, verifier.cache_seconds))
        return access

    def _requires_proof(self) -> bool:
        return self._authorization.dpop is not None and self._authorization.dpop.required

    def _prove(self, request: HttpRequest, scheme: str, token: str, access: Access) -> None:
        """Check that whoever shows a token that is bound to a key holds that key (RFC 9449, 7)."""
        if access.jkt is None:
            raise self._challenges.unauthorized("invalid_token", "the token is not bound to a key")
        if scheme != "dpop" or self._authorization.dpop is None:
            raise self._challenges.unauthorized("invalid_token", "the token is bound to a key and needs a proof of it")
        from reference_impl.server.auth.dpop import DpopError, Shown

        shown = Shown(request.method, self._url(request.path), request.header("dpop"), token)
        try:
            thumbprint = self._authorization.dpop.verify(shown)
        except DpopError as error:
            raise self._challenges.unauthorized(error.code, str(error), nonce=error.nonce) from None
        if thumbprint != access.jkt:
            raise self._challenges.unauthorized("invalid_token", "the token is bound to another key")

    def _url(self, path: str) -> str:
        """Return the URL of a request as its client wrote it: the resource's own, with another end for the paths beside
        the endpoint."""
        if self._resource.endswith(self._tail):
            return self._resource.removesuffix(self._tail) + path
        return self._resource if urlsplit(self._resource).path else self._resource + path


def _named(scheme: str) -> str:
    return "DPoP" if scheme == "dpop" else "Bearer"


def _names_token(query: Any) -> bool:
    return b"access_token" in query and any(name == "access_token" for name, _ in parse_qsl(query.decode("latin-1")))
