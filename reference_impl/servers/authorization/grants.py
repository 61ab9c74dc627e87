"""The token endpoint: each grant from its form to a token response (RFC 6749, 4 to 6; RFC 7523; RFC 8693)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reference_impl.server.auth.dpop import DpopError, Shown
from reference_impl.server.http.messages import HttpResponse
from reference_impl.servers.authorization.assertions import jwt_bearer, token_exchange
from reference_impl.servers.authorization.authentication import authenticate
from reference_impl.servers.authorization.settings import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    JWT_BEARER,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    Client,
)
from reference_impl.servers.authorization.tokens import Granted, new_family
from reference_impl.servers.authorization.web import NO_STORE, OAuthError, Parameters, WebRequest, json_answer

if TYPE_CHECKING:
    from reference_impl.servers.authorization.app import AuthorizationServer

__all__ = ["token"]


@dataclass(frozen=True, slots=True)
class Asking:
    """A request of an authenticated client; `key` is the thumbprint of its DPoP proof, if it sent one."""

    client: Client
    form: Parameters
    key: str | None


async def token(server: AuthorizationServer, request: WebRequest) -> HttpResponse:
    """Serve the token endpoint."""
    form = request.form()
    key, headers = _proven_key(server, request)
    grant = form.need("grant_type")
    handler = _HANDLERS.get(grant)
    if handler is None:
        raise OAuthError("unsupported_grant_type", "the grant is not supported")
    client = await authenticate(server, request, form)
    if grant not in client.grants:
        raise OAuthError("unauthorized_client", "the client may not use this grant")
    return json_answer(await handler(server, Asking(client, form, key)), headers={**NO_STORE, **headers})


def _proven_key(server: AuthorizationServer, request: WebRequest) -> tuple[str | None, dict[str, str]]:
    """Return the key that a DPoP proof shows, and the nonce for the next one as a header."""
    proof = request.headers.get("dpop")
    if proof is None:
        return None, {}
    try:
        thumbprint = server.proofs.verify(Shown(request.method, server.url("/token"), proof))
    except DpopError as error:
        nonce = {} if error.nonce is None else {"dpop-nonce": error.nonce}
        raise OAuthError(error.code, str(error), 400, nonce) from None
    nonces = server.proofs.nonces
    return thumbprint, {} if nonces is None else {"dpop-nonce": nonces.current()}


async def _authorization_code(server: AuthorizationServer, asking: Asking) -> dict[str, Any]:
    """Redeem a code, once: a second use ends what the first one got (RFC 6749, 4.1.2)."""
    form = asking.form
    secret = form.need("code")
    verifier = form.need("code_verifier")
    code = server.codes.get(secret)
    if code is None or code.granted.client_id != asking.client.id:
        raise OAuthError("invalid_grant", "the code is not valid")
    if code.used:
        server.tokens.end(code.granted.family)
        raise OAuthError("invalid_grant", "the code was used before; its tokens end")
    server.codes.put(secret, replace(code, used=True), server.settings.lifetimes.code)
    if form.get("redirect_uri") not in (code.redirect_uri, None):
        raise OAuthError("invalid_grant", "redirect_uri is not the one of the authorization request")
    if not hmac.compare_digest(_challenge(verifier), code.challenge.encode()):
        raise OAuthError("invalid_grant", "code_verifier does not fit code_challenge")
    if code.granted.key not in (None, asking.key):
        raise OAuthError("invalid_grant", "the code is bound to another key")
    granted = replace(code.granted, key=asking.key)
    narrowed = _narrowed(granted, form)
    return server.tokens.issue(narrowed, granted if REFRESH_TOKEN in asking.client.grants else None)


def _challenge(verifier: str) -> bytes:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")


def _narrowed(granted: Granted, form: Parameters) -> Granted:
    """Return a grant for those of its resources that a token request names (RFC 8707, 2.2)."""
    if not set(form.resources) <= set(granted.resources):
        raise OAuthError("invalid_target", "the resource is not one that was granted")
    return replace(granted, resources=form.resources or granted.resources)


async def _refresh_token(server: AuthorizationServer, asking: Asking) -> dict[str, Any]:
    form, secret = asking.form, asking.form.need("refresh_token")
    granted = replace(server.tokens.refreshable(secret, asking.client.id, asking.key), key=asking.key)
    if not set(form.scopes) <= set(granted.scopes):
        raise OAuthError("invalid_scope", "a refresh cannot widen the scope")
    narrowed = replace(_narrowed(granted, form), scopes=form.scopes or granted.scopes)
    server.tokens.use_up(secret, granted)
    return server.tokens.issue(narrowed, granted)


async def _client_credentials(server: AuthorizationServer, asking: Asking) -> dict[str, Any]:
    client, form = asking.client, asking.form
    if client.methods == ("none",):
        raise OAuthError("unauthorized_client", "a client without credentials cannot use this grant")
    scopes, resources = server.scopes_for(client, form.scopes), server.resources_for(form.resources)
    return server.tokens.issue(Granted(client.id, client.id, scopes, resources, new_family(), asking.key))


async def _jwt_bearer(server: AuthorizationServer, asking: Asking) -> dict[str, Any]:
    granted = await jwt_bearer(server, asking.client, asking.form)
    return server.tokens.issue(replace(granted, key=asking.key))


async def _token_exchange(server: AuthorizationServer, asking: Asking) -> dict[str, Any]:
    return token_exchange(server, asking.client, asking.form)


_HANDLERS: dict[str, Callable[[AuthorizationServer, Asking], Awaitable[dict[str, Any]]]] = {
    AUTHORIZATION_CODE: _authorization_code,
    REFRESH_TOKEN: _refresh_token,
    CLIENT_CREDENTIALS: _client_credentials,
    JWT_BEARER: _jwt_bearer,
    TOKEN_EXCHANGE: _token_exchange,
}
