"""Requests to a token endpoint: how the client authenticates, what the answer has to be, and proofs of its key.

Sources: RFC 6749 sections 2.3 and 5, RFC 7523 section 2.2, RFC 9449 sections 5 and 8.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import quote_plus

import msgspec

from reference_impl.client.auth.credentials import ClientIdentity
from reference_impl.client.auth.fetching import Fetched, Fetches
from reference_impl.client.auth.metadata import AuthorizationServer
from reference_impl.client.auth.signing import ProofKey, client_assertion
from reference_impl.client.errors import AuthorizationFailed, TokenRefused

__all__ = ["TokenResponse", "auth_method", "request_token"]

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_PREFERENCE = ("private_key_jwt", "client_secret_basic", "client_secret_post", "none")


class TokenResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A successful answer. It is never printed: it is made of secrets."""

    access_token: str
    token_type: str
    expires_in: float | str | None = None
    refresh_token: str | None = None
    scope: str | None = None
    issued_token_type: str | None = None

    def __repr__(self) -> str:
        return f"TokenResponse({self.token_type})"

    @property
    def lifetime(self) -> float | None:
        """Seconds that the access token is good for, where the server says so."""
        try:
            return None if self.expires_in is None else float(self.expires_in)
        except ValueError:
            return None


class _Refused(msgspec.Struct, frozen=True):
    error: str
    error_description: str | None = None


async def request_token(
    fetcher: Fetches,
    server: AuthorizationServer,
    client: ClientIdentity,
    fields: Mapping[str, str],
    proofs: ProofKey | None = None,
) -> TokenResponse:
    """Ask for a token as `client`, with a proof of its key where there is one.

    Raises `TokenRefused` for an OAuth error, `AuthorizationFailed` for anything else that is no token.
    """
    for _ in range(2):
        headers, extra = _authentication(client, server)
        if proofs is not None:
            headers["dpop"] = proofs.proof("POST", server.token_endpoint)
        reply = await fetcher.post_form(server.token_endpoint, {**fields, **extra}, headers)
        if proofs is None or not proofs.note(server.token_endpoint, reply.headers.get("dpop-nonce")):
            break
        if reply.status == 200 or _error(reply) != "use_dpop_nonce":
            break
    return _token(reply, server)


def auth_method(client: ClientIdentity, server: AuthorizationServer) -> str:
    """Return how a client authenticates: as it was registered, else the best way that both sides have.

    Raises `AuthorizationFailed` if there is none.
    """
    able = {
        "private_key_jwt": client.private_key is not None,
        "client_secret_basic": client.client_secret is not None,
        "client_secret_post": client.client_secret is not None,
        "none": True,
    }
    if client.auth_method is not None and able.get(client.auth_method):
        return client.auth_method
    offered = server.token_auth_methods
    for method in _PREFERENCE:
        if method in offered and able[method]:
            return method
    if client.client_secret is None and client.private_key is None:
        return "none"  # a public client has no other; servers forget to list it
    raise AuthorizationFailed(f"{server.issuer} takes none of the client's ways to authenticate")


def _authentication(client: ClientIdentity, server: AuthorizationServer) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers and the form fields that say who the client is."""
    method = auth_method(client, server)
    if method == "private_key_jwt":
        allowed = server.token_endpoint_auth_signing_alg_values_supported
        assertion = client_assertion(client, server.issuer, allowed)
        return {}, {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}
    if method == "client_secret_basic":
        pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret or '')}"
        # The form may name the client as well (RFC 6749, section 4.1.3), and there are servers that look nowhere else.
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}, {"client_id": client.client_id}
    secret = {"client_secret": client.client_secret or ""} if method == "client_secret_post" else {}
    return {}, {"client_id": client.client_id, **secret}


def _error(reply: Fetched) -> str | None:
    try:
        return msgspec.json.decode(reply.body, type=_Refused).error
    except (msgspec.DecodeError, RecursionError):
        return None


def _token(reply: Fetched, server: AuthorizationServer) -> TokenResponse:
    """Read the answer; nothing of it is quoted but an error's own words. Some servers send errors with status 200."""
    try:
        if reply.status == 200:
            return msgspec.json.decode(reply.body, type=TokenResponse)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        refused = msgspec.json.decode(reply.body, type=_Refused)
    except (msgspec.DecodeError, RecursionError):
        raise AuthorizationFailed(f"the token endpoint of {server.issuer} gave no token: HTTP {reply.status}") from None
    raise TokenRefused(server.issuer, refused.error, refused.error_description or "")
