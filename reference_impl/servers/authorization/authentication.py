"""Who is asking at the token endpoint: authentication of clients (RFC 6749, 2.3; RFC 7523, 2.2)."""

from __future__ import annotations

import base64
import hmac
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from reference_impl.server.auth.errors import InvalidTokenError, VerificationUnavailableError
from reference_impl.server.auth.expiring import digest
from reference_impl.server.auth.fetch import Fetcher
from reference_impl.server.auth.jwt import Claims, Jwt, Key, read, verify
from reference_impl.server.auth.keys import FetchedKeys, FixedKeys
from reference_impl.servers.authorization.settings import Client
from reference_impl.servers.authorization.web import OAuthError, Parameters, WebRequest

if TYPE_CHECKING:
    from reference_impl.servers.authorization.app import AuthorizationServer

__all__ = ["ASSERTION_ALGORITHMS", "authenticate"]

ASSERTION_ALGORITHMS = ("ES256", "ES384", "PS256", "RS256", "EdDSA")
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def authenticate(server: AuthorizationServer, request: WebRequest, form: Parameters) -> Client:
    """Return the client that sent a form, proven in the way that it is registered for. Raises `OAuthError`."""
    header = request.headers.get("authorization")
    given = [header is not None, form.get("client_secret") is not None, form.get("client_assertion") is not None]
    if sum(given) > 1:
        raise OAuthError("invalid_request", "the client authenticates in more than one way")
    if header is not None:
        return await _by_secret(server, "client_secret_basic", *_basic(header, form))
    if form.get("client_assertion") is not None:
        return await _by_assertion(server, form)
    if form.get("client_secret") is not None:
        return await _by_secret(server, "client_secret_post", form.need("client_id"), form.need("client_secret"))
    client = await _found(server, form.need("client_id"), "none")
    if client.secret is not None:
        raise _refused("the client must authenticate")
    return client


def _basic(header: str, form: Parameters) -> tuple[str, str]:
    """Return id and secret from HTTP Basic, where both are form-encoded first (RFC 6749, 2.3.1)."""
    scheme, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except ValueError:
        text = ""
    identifier, colon, secret = text.partition(":")
    if not colon or form.get("client_id") not in (None, unquote_plus(identifier)):
        raise _refused("the Authorization header holds no client")
    return unquote_plus(identifier), unquote_plus(secret)


async def _found(server: AuthorizationServer, client_id: str, method: str) -> Client:
    client = await server.clients.find(client_id)
    if client is None or method not in client.methods or method not in server.settings.methods:
        raise _refused("the client is unknown, or registered for another way of authentication")
    return client


async def _by_secret(server: AuthorizationServer, method: str, client_id: str, secret: str) -> Client:
    client = await _found(server, client_id, method)
    if client.secret is None or not hmac.compare_digest(digest(client.secret), digest(secret)):
        raise _refused("the secret is wrong")
    return client


async def _by_assertion(server: AuthorizationServer, form: Parameters) -> Client:
    """Verify `private_key_jwt`: the client is issuer and subject of an assertion for this server, used once."""
    if form.need("client_assertion_type") != _ASSERTION_TYPE:
        raise OAuthError("invalid_request", "client_assertion_type is not supported")
    assertion = form.need("client_assertion")
    try:
        unproven = read(assertion)
        client_id = str(unproven.claims.get("sub"))
        client = await _found(server, client_id, "private_key_jwt")
        keys = await _keys_of(server, client, unproven)
        jwt = verify(assertion, keys, ASSERTION_ALGORITHMS)
        _assertion_claims(server).check(jwt)
    except InvalidTokenError as error:
        raise _refused(f"the assertion was refused: {error}") from None
    except VerificationUnavailableError as error:
        raise _refused(str(error)) from None
    audience = jwt.claims["aud"]
    audiences = audience if isinstance(audience, list) else [audience]
    if jwt.claims["iss"] != client_id or form.get("client_id") not in (None, client_id):
        raise _refused("the assertion is about another client")
    if not {server.settings.issuer, server.url("/token")} & {item for item in audiences if isinstance(item, str)}:
        raise _refused("the assertion is for another server")
    server.use_once(f"assertion {client_id} {jwt.claims['jti']}", _refused("the assertion was used before"))
    return client


def _assertion_claims(server: AuthorizationServer) -> Claims:
    required = ("iss", "sub", "aud", "exp", "jti")
    longest = server.settings.lifetimes.assertion
    return Claims(frozenset({"jwt", "client-authentication+jwt"}), required, longest=longest, clock=server.clock)


async def _keys_of(server: AuthorizationServer, client: Client, unproven: Jwt) -> list[Key]:
    kid = unproven.header.get("kid")
    kid = kid if isinstance(kid, str) else None
    if client.keys is not None:
        return await FixedKeys(client.keys).find(kid)
    if client.keys_url is None:
        return []
    fetcher = Fetcher(public=True, loopback=server.settings.features.loopback)
    return await FetchedKeys(client.id, client.keys_url, fetcher=fetcher).find(kid)


def _refused(why: str) -> OAuthError:
    return OAuthError("invalid_client", why, 401, {"www-authenticate": 'Basic realm="token endpoint"'})
