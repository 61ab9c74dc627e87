"""Enterprise-managed authorization: the identity provider turns an ID token into an assertion for another authorization
server (token exchange), and that one turns the assertion into an access token (JWT bearer). A platform's own token for
a workload is such an assertion too (workload identity federation).

Source: the extension `auth/enterprise-managed-authorization`; RFC 8693, RFC 7523.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reference_impl.server.auth.errors import InvalidTokenError, VerificationUnavailableError
from reference_impl.server.auth.jwt import Claims, Jwt, read, verify
from reference_impl.server.auth.keys import KeySource
from reference_impl.servers.authorization.authentication import ASSERTION_ALGORITHMS
from reference_impl.servers.authorization.settings import Client
from reference_impl.servers.authorization.tokens import Granted, new_family
from reference_impl.servers.authorization.web import OAuthError, Parameters

if TYPE_CHECKING:
    from reference_impl.servers.authorization.app import AuthorizationServer

__all__ = ["jwt_bearer", "token_exchange"]

_ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - the name of a type of token
_ID_JAG_KIND = "oauth-id-jag+jwt"


def token_exchange(server: AuthorizationServer, client: Client, form: Parameters) -> dict[str, Any]:
    """Return an ID-JAG for the client's ID token (the extension, 4). Raises `OAuthError`."""
    if form.need("requested_token_type") != _ID_JAG or form.need("subject_token_type") != _ID_TOKEN:
        raise OAuthError("invalid_request", "only ID tokens can be exchanged, and only for an ID-JAG")
    audience = form.need("audience")
    if audience not in server.settings.chains:
        raise OAuthError("invalid_target", "this identity provider makes no assertions for that audience")
    if len(form.resources) != 1:
        raise OAuthError("invalid_request", "exactly one resource is needed")
    identity = _identity(server, client, form.need("subject_token"))
    now, life = int(server.clock()), int(server.settings.lifetimes.assertion)
    claims = {
        "iss": server.settings.issuer,
        "sub": identity.claims["sub"],
        "aud": audience,
        "resource": form.resources[0],
        "client_id": client.id,
        "scope": " ".join(form.scopes),
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + life,
    }
    return {
        "issued_token_type": _ID_JAG,
        "access_token": server.keys.sign(_ID_JAG_KIND, claims),
        "token_type": "N_A",
        "scope": claims["scope"],
        "expires_in": life,
    }


def _identity(server: AuthorizationServer, client: Client, token: str) -> Jwt:
    """Return an ID token that this server gave to this very client."""
    try:
        jwt = verify(token, server.keys.public, (server.keys.algorithm,))
        Claims(frozenset({"jwt"}), clock=server.clock).check(jwt)
    except InvalidTokenError as error:
        raise OAuthError("invalid_grant", f"the subject token was refused: {error}") from None
    if jwt.claims["iss"] != server.settings.issuer or jwt.claims["aud"] != client.id:
        raise OAuthError("invalid_grant", "the subject token is not for this client")
    return jwt


async def jwt_bearer(server: AuthorizationServer, client: Client, form: Parameters) -> Granted:
    """Return what an assertion grants: that of a trusted identity provider about a user (the extension, 5.1), or that
    of a platform about its workload. Raises `OAuthError`."""
    assertion = form.need("assertion")
    try:
        if read(assertion).header.get("typ") == _ID_JAG_KIND:
            jwt = await _verified(server, server.trusted, assertion)
            _enterprise_claims(server).check(jwt)
            return _enterprise(server, client, jwt, form)
        jwt = await _verified(server, server.platforms, assertion)
        Claims(frozenset({"jwt", ""}), clock=server.clock).check(jwt)
        return _workload(server, client, jwt, form)
    except (InvalidTokenError, VerificationUnavailableError) as error:
        raise OAuthError("invalid_grant", f"the assertion was refused: {error}") from None


async def _verified(server: AuthorizationServer, sources: Mapping[str, KeySource], assertion: str) -> Jwt:
    """Return an assertion that one of its issuer's keys signed, for this server alone."""
    unproven = read(assertion)
    source = sources.get(str(unproven.claims.get("iss")))
    if source is None:
        raise InvalidTokenError("nobody here trusts its issuer")
    kid = unproven.header.get("kid")
    jwt = verify(assertion, await source.find(kid if isinstance(kid, str) else None), ASSERTION_ALGORITHMS)
    if jwt.claims.get("aud") not in (server.settings.issuer, [server.settings.issuer]):
        raise InvalidTokenError("the token is for another authorization server")
    return jwt


def _enterprise_claims(server: AuthorizationServer) -> Claims:
    required = ("iss", "sub", "aud", "exp", "iat", "jti", "client_id", "resource")
    longest = server.settings.lifetimes.assertion
    return Claims(frozenset({_ID_JAG_KIND}), required, longest=longest, clock=server.clock)


def _enterprise(server: AuthorizationServer, client: Client, jwt: Jwt, form: Parameters) -> Granted:
    claims = jwt.claims
    if claims["client_id"] != client.id:
        raise OAuthError("invalid_grant", "the assertion was made for another client")
    resource = claims["resource"]
    resources = tuple(resource) if isinstance(resource, list) else (str(resource),)
    if not set(form.resources) <= set(resources):
        raise OAuthError("invalid_target", "the resource is not one that was granted")
    server.use_once(
        f"id-jag {claims['iss']} {claims['jti']}", OAuthError("invalid_grant", "the assertion was used before")
    )
    offered = tuple(str(claims.get("scope", "")).split())
    asked = tuple(scope for scope in form.scopes or offered if scope in offered)
    scopes = server.scopes_for(client, asked) if asked else ()
    subject = f"{claims['iss']} {claims['sub']}"
    return Granted(client.id, subject, scopes, server.resources_for(form.resources or resources), new_family())


def _workload(server: AuthorizationServer, client: Client, jwt: Jwt, form: Parameters) -> Granted:
    if (jwt.claims["iss"], jwt.claims["sub"]) not in client.workloads:
        raise OAuthError("invalid_grant", "the assertion is about another workload")
    scopes, resources = server.scopes_for(client, form.scopes), server.resources_for(form.resources)
    return Granted(client.id, client.id, scopes, resources, new_family())
