"""The authorization code grant: the user agrees in a browser, and the code that comes back buys the tokens.

Sources: `basic/authorization#authorization-flow-steps`, `#authorization-response-validation`,
`security-considerations#authorization-code-protection` of 2026-07-28; RFC 7636, RFC 9207.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

import anyio

from reference_impl.client.auth.addresses import require_secure
from reference_impl.client.auth.credentials import ClientIdentity
from reference_impl.client.auth.metadata import AuthorizationServer
from reference_impl.client.auth.registration import ClientDescription, forget, known_identity, registered
from reference_impl.client.auth.scopes import OFFLINE, joined, union
from reference_impl.client.auth.token_endpoint import TokenResponse
from reference_impl.client.auth.user_agent import Browser, UserAgent
from reference_impl.client.auth.venue import Venue
from reference_impl.client.errors import AuthorizationFailed, TokenRefused

__all__ = ["AuthorizationCode"]

_METHOD = "S256"


@dataclass(frozen=True, slots=True)
class _Question:
    """What one authorization request was made of: its answer has to fit. `issuer` is whose answer is waited for."""

    issuer: str
    promises_issuer: bool
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)

    @property
    def challenge(self) -> str:
        """The verifier's digest (RFC 7636, section 4.2)."""
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """Asks the user, through `agent`, in the name of the client that `client` describes: one question after the other,
    however many servers want one."""

    agent: UserAgent = field(default_factory=Browser)
    client: ClientDescription = field(default_factory=ClientDescription)
    _asking: anyio.Lock = field(default_factory=anyio.Lock, init=False, repr=False, compare=False)

    async def obtain(self, venue: Venue) -> TokenResponse:
        """See `Grant.obtain`. A registration that the authorization server has forgotten is made anew, once."""
        async with self._asking:
            try:
                return await self._obtain(venue)
            except TokenRefused as error:
                if error.error != "invalid_client" or not forget(venue):
                    raise
            return await self._obtain(venue)

    async def _obtain(self, venue: Venue) -> TokenResponse:
        require_proof_keys(venue.authorization_server)
        try:
            redirect_uri = require_secure(self.agent.redirect_uri, "the redirect URI")
            scopes = self._scopes(venue)
            identity = await registered(venue, self.client, redirect_uri, scopes)
            question = _Question(
                venue.issuer, bool(venue.authorization_server.authorization_response_iss_parameter_supported)
            )
            url = _request(venue, identity, question, redirect_uri, scopes)
            code = answered(question, await self.agent.authorize(url))
        finally:
            await self.agent.aclose()
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": question.verifier,
        }
        return await venue.token(identity, fields)

    def _scopes(self, venue: Venue) -> tuple[str, ...]:
        """Ask for a refresh token where the authorization server lists the scope for it (`#refresh-tokens`)."""
        offered = venue.authorization_server.scopes_supported or ()
        return union(venue.scopes, (OFFLINE,) if self.client.refresh and OFFLINE in offered else ())

    def identity(self, venue: Venue) -> ClientIdentity | None:
        """See `Grant.identity`."""
        return known_identity(venue, self.client)

    @property
    def issuers(self) -> tuple[str, ...]:
        """See `Grant.issuers`."""
        return tuple(identity.issuer for identity in self.client.registered if identity.issuer is not None)


def require_proof_keys(server: AuthorizationServer) -> None:
    """Make sure that an authorization server knows PKCE with S256. Raises `AuthorizationFailed`: without it a stolen
    code is as good as the token."""
    if _METHOD not in (server.code_challenge_methods_supported or ()):
        raise AuthorizationFailed(f"{server.issuer} does not say that it supports PKCE with {_METHOD}")


def _request(
    venue: Venue, identity: ClientIdentity, question: _Question, redirect_uri: str, scopes: tuple[str, ...]
) -> str:
    endpoint = venue.authorization_server.authorization_endpoint
    if endpoint is None:
        raise AuthorizationFailed(f"{venue.issuer} has no authorization endpoint")
    parameters = {
        "response_type": "code",
        "client_id": identity.client_id,
        "redirect_uri": redirect_uri,
        "state": question.state,
        "code_challenge": question.challenge,
        "code_challenge_method": _METHOD,
        "resource": venue.resource,
        **joined(scopes),
    }
    if OFFLINE in scopes:
        parameters["prompt"] = "consent"  # OpenID Connect Core, section 11: it is ignored otherwise
    return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(parameters)}"


def answered(question: _Question, url: str) -> str:
    """Return the code in the answer to an authorization request.

    Raises `AuthorizationFailed` for the answer to another one, or of another authorization server, of which then
    nothing is told, not even its error; and `TokenRefused` for a refusal.
    """
    pairs = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    answer = dict(pairs)
    if len(answer) != len(pairs):
        raise AuthorizationFailed("the authorization response has a parameter twice")
    if not hmac.compare_digest(answer.get("state", "").encode(), question.state.encode()):
        raise AuthorizationFailed("the authorization response belongs to another request: its state is not ours")
    _check_issuer(question, answer)
    if "error" in answer:
        raise TokenRefused(question.issuer, answer["error"], answer.get("error_description", ""))
    if not answer.get("code"):
        raise AuthorizationFailed(f"the authorization response of {question.issuer} has no code")
    return answer["code"]


def _check_issuer(question: _Question, answer: Mapping[str, str]) -> None:
    """Compare character by character, with no normalization (RFC 9207, section 2.4)."""
    issuer = answer.get("iss")
    if issuer is None and question.promises_issuer:
        raise AuthorizationFailed(f"the authorization response lacks the issuer that {question.issuer} promises")
    if issuer is not None and issuer != question.issuer:
        raise AuthorizationFailed(f"the authorization response does not come from {question.issuer}")
