"""Looking into tokens and ending them (RFC 7662, RFC 7009)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference_impl.server.http.messages import HttpResponse
from reference_impl.servers.authorization.authentication import authenticate
from reference_impl.servers.authorization.web import OAuthError, WebRequest, json_answer

if TYPE_CHECKING:
    from reference_impl.servers.authorization.app import AuthorizationServer

__all__ = ["introspect", "revoke"]


async def introspect(server: AuthorizationServer, request: WebRequest) -> HttpResponse:
    """Tell a resource server about a token; of one that is not valid, nothing but that."""
    form = request.form()
    client = await authenticate(server, request, form)
    if not client.introspects:
        raise OAuthError("unauthorized_client", "the client is no resource server", 403)
    claims = server.tokens.look_into(form.need("token"))
    if claims is None:
        return json_answer({"active": False})
    kind = "DPoP" if "cnf" in claims else "Bearer"
    return json_answer({"active": True, "token_type": kind, "username": claims["sub"], **claims})


async def revoke(server: AuthorizationServer, request: WebRequest) -> HttpResponse:
    """End a token of the client that asks; the answer is the same for one that never was."""
    form = request.form()
    client = await authenticate(server, request, form)
    server.tokens.revoke(form.need("token"), client.id)
    return HttpResponse(200, b"", {"cache-control": "no-store"})
