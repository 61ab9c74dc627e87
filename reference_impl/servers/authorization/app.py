"""The authorization server as an ASGI application: its state, and which address leads where."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from reference_impl.server.auth.dpop import DpopProofs, Nonces
from reference_impl.server.auth.expiring import Expiring
from reference_impl.server.auth.keys import FetchedKeys
from reference_impl.server.auth.verifiers import canonical_resource
from reference_impl.server.http.messages import HttpResponse, Receive, Scope, Send, send_response
from reference_impl.servers.authorization.authorize import Code, Pending, authorize, decide
from reference_impl.servers.authorization.clients import Clients
from reference_impl.servers.authorization.grants import token
from reference_impl.servers.authorization.inspection import introspect, revoke
from reference_impl.servers.authorization.keys import SigningKeys
from reference_impl.servers.authorization.metadata import metadata
from reference_impl.servers.authorization.registration import register
from reference_impl.servers.authorization.settings import Client, Settings
from reference_impl.servers.authorization.tokens import Tokens
from reference_impl.servers.authorization.web import OPEN, OAuthError, WebRequest, json_answer

__all__ = ["AuthorizationServer"]

_logger = logging.getLogger("reference_impl.servers.authorization")

_MOST_CODES = 10_000
_MOST_PENDING = 1_000
_MOST_USED = 100_000
_PUBLIC = {**OPEN, "cache-control": "public, max-age=60"}
_PREFLIGHT = {
    **OPEN,
    "access-control-allow-methods": "GET, POST",
    "access-control-allow-headers": "authorization, content-type, dpop, mcp-protocol-version",
}

Handler = Callable[["AuthorizationServer", WebRequest], Awaitable[HttpResponse]]


class AuthorizationServer:
    """An authorization server for tests and demos: everything an MCP client may meet, kept in memory.

    Its demo users have no passwords, so it must not guard anything real.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        lives = settings.lifetimes
        self.settings = settings
        self.clock = clock
        self.keys = SigningKeys(settings.algorithm, lives.key, lives.access, clock, settings.key)
        self.clients = Clients(settings, clock)
        self.tokens = Tokens(settings, self.keys, clock)
        self.proofs = DpopProofs(nonces=Nonces(clock=clock) if settings.features.dpop_nonces else None, clock=clock)
        self.codes: Expiring[Code] = Expiring(_MOST_CODES, clock)
        self.pending: Expiring[Pending] = Expiring(_MOST_PENDING, clock)
        self.trusted = {issuer: FetchedKeys(issuer, url) for issuer, url in settings.trusted.items()}
        self.platforms = {issuer: FetchedKeys(issuer, url) for issuer, url in settings.platforms.items()}
        self._used: Expiring[bool] = Expiring(_MOST_USED, clock)
        self._base = urlsplit(settings.issuer).path.rstrip("/")
        self._routes = self._routed()

    def _routed(self) -> dict[str, dict[str, Handler]]:
        """Return path and method to handler; what is switched off is not there."""
        features, base = self.settings.features, self._base
        routes: dict[str, dict[str, Handler]] = {
            f"{base}/authorize": {"GET": authorize, "POST": decide},
            f"{base}/token": {"POST": token},
            f"{base}/introspect": {"POST": introspect},
            f"{base}/revoke": {"POST": revoke},
            f"{base}/jwks": {"GET": _jwks},
        }
        if features.registration:
            routes[f"{base}/register"] = {"POST": register}
        if features.oauth_metadata:
            routes[f"/.well-known/oauth-authorization-server{base}"] = {"GET": _metadata}
        if features.openid:
            routes[f"/.well-known/openid-configuration{base}"] = {"GET": _metadata}
            routes[f"{base}/.well-known/openid-configuration"] = {"GET": _metadata}
        return routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            try:
                response = await self._answer(await WebRequest.of(scope, receive))
            except OAuthError as error:
                response = _refusal(error)
            except ConnectionError:
                return  # the client left in the middle of its own request
            await send_response(send, response)

    async def _answer(self, request: WebRequest) -> HttpResponse:
        methods = self._routes.get(request.path)
        if methods is None:
            return HttpResponse(404)
        if request.method == "OPTIONS":
            return HttpResponse(204, b"", _PREFLIGHT)
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            return HttpResponse(405, b"", {"allow": ", ".join(methods)})
        return await handler(self, request)

    def url(self, path: str) -> str:
        """Return the address of an endpoint."""
        return f"{self.settings.issuer.rstrip('/')}{path}"

    @property
    def response_issuer(self) -> str | None:
        """`iss` for authorization responses, where it is given (RFC 9207)."""
        return self.settings.issuer if self.settings.features.issuer_parameter else None

    @property
    def scopes(self) -> tuple[str, ...]:
        """All scopes that can be asked for."""
        of_openid = ("openid",) if self.settings.features.openid else ()
        return tuple(dict.fromkeys((*self.settings.scopes, *of_openid, "offline_access")))

    def scopes_for(self, client: Client, asked: tuple[str, ...]) -> tuple[str, ...]:
        """Return the scopes that a client gets. Raises `OAuthError` for one that it cannot have."""
        settings = self.settings
        if not asked:
            default = settings.scopes if settings.default_scopes is None else settings.default_scopes
            return tuple(scope for scope in default if client.scopes is None or scope in client.scopes)
        allowed = set(self.scopes) if client.scopes is None else client.scopes & set(self.scopes)
        if not set(asked) <= allowed:
            raise OAuthError("invalid_scope", "a scope is unknown, or not for this client")
        return asked

    def resources_for(self, asked: tuple[str, ...]) -> tuple[str, ...]:
        """Return the audience of a token. Raises `OAuthError` for a resource that has no tokens from here."""
        known = {canonical_resource(resource) for resource in self.settings.resources}
        if not asked:
            return self.settings.resources[:1] or (self.settings.issuer,)
        for resource in asked:
            if not _is_resource(resource) or (known and canonical_resource(resource) not in known):
                raise OAuthError("invalid_target", "the resource is unknown")
        return asked

    def use_once(self, name: str, refusal: OAuthError) -> None:
        """Raise `refusal` if something that is good for one use comes again."""
        if self._used.get(name):
            raise refusal
        self._used.put(name, value=True, seconds=2 * self.settings.lifetimes.assertion)


def _is_resource(text: str) -> bool:
    """Tell whether a text is an absolute URI without fragment (RFC 8707, 2)."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc) and "#" not in text


async def _metadata(server: AuthorizationServer, _request: WebRequest) -> HttpResponse:
    return json_answer(metadata(server), headers=_PUBLIC)


async def _jwks(server: AuthorizationServer, _request: WebRequest) -> HttpResponse:
    return json_answer(server.keys.document(), headers=_PUBLIC)


def _refusal(error: OAuthError) -> HttpResponse:
    _logger.info("refused: %s", error)
    body: dict[str, Any] = {"error": error.code, "error_description": error.description}
    return json_answer(body, error.status, {"cache-control": "no-store", **error.headers})


async def _lifespan(receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
