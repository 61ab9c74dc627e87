"""Clients that register themselves (RFC 7591)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from reference_impl.server.http.messages import HttpResponse
from reference_impl.servers.authorization.clients import describe
from reference_impl.servers.authorization.settings import AUTHORIZATION_CODE, CLIENT_CREDENTIALS
from reference_impl.servers.authorization.web import OAuthError, WebRequest, json_answer

if TYPE_CHECKING:
    from reference_impl.servers.authorization.app import AuthorizationServer

__all__ = ["register"]


async def register(server: AuthorizationServer, request: WebRequest) -> HttpResponse:
    """Register a client; the response says what was registered, which may be less than was asked for."""
    metadata = request.json()
    method = metadata.get("token_endpoint_auth_method", "client_secret_basic")
    secret = secrets.token_urlsafe(32) if isinstance(method, str) and method.startswith("client_secret") else None
    client = describe(secrets.token_urlsafe(16), metadata, secret)
    if CLIENT_CREDENTIALS in client.grants:
        raise OAuthError("invalid_client_metadata", "a client that registers itself cannot act on its own behalf")
    server.clients.register(client)
    answer: dict[str, Any] = {
        "client_id": client.id,
        "client_id_issued_at": int(server.clock()),
        "redirect_uris": list(client.redirect_uris),
        "token_endpoint_auth_method": client.methods[0],
        "grant_types": list(client.grants),
        "response_types": ["code"] if AUTHORIZATION_CODE in client.grants else [],
        "scope": " ".join(server.scopes),
    }
    if secret is not None:
        answer |= {"client_secret": secret, "client_secret_expires_at": 0}
    answer |= {name: metadata[name] for name in ("client_name", "client_uri", "application_type") if name in metadata}
    return json_answer(answer, 201)
