"""The authorization endpoint: a user agrees, and the client gets a code (RFC 6749, 4.1; RFC 7636; RFC 9207).

The demo user agrees to everything at once, unless a consent page is switched on.
"""

from __future__ import annotations

import hmac
import html
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reference_impl.server.http.messages import HttpResponse
from reference_impl.servers.authorization.clients import matching_redirect
from reference_impl.servers.authorization.settings import AUTHORIZATION_CODE, Client
from reference_impl.servers.authorization.tokens import Granted, new_family
from reference_impl.servers.authorization.web import OAuthError, Parameters, WebRequest, page, redirect
from reference_impl.transports.addresses import is_loopback

if TYPE_CHECKING:
    from reference_impl.servers.authorization.app import AuthorizationServer

__all__ = ["Code", "Pending", "authorize", "decide"]

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_COOKIE = "consent"


@dataclass(frozen=True, slots=True)
class Code:
    """What a code stands for. `redirect_uri` is the one that the request named, or None."""

    granted: Granted
    challenge: str
    redirect_uri: str | None
    used: bool = False


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that waits for the user's decision in the browser that holds `cookie`."""

    code: Code
    target: str
    state: str | None
    cookie: str


async def authorize(server: AuthorizationServer, request: WebRequest) -> HttpResponse:
    """Take an authorization request. One whose client or redirect URI is wrong redirects nowhere."""
    try:
        asked = Parameters.of(request.query)
        client = await server.clients.known(asked.need("client_id"))
        target = matching_redirect(client, asked.get("redirect_uri"))
    except OAuthError as error:
        return page("This request cannot be served", f"<p>{html.escape(str(error))}</p>", 400)
    state = asked.get("state")
    try:
        code = _code(server, client, asked)
    except OAuthError as error:
        answer = {"error": error.code, "error_description": error.description, "state": state}
        return redirect(target, {**answer, "iss": server.response_issuer})
    if server.settings.features.consent:
        return _consent(server, client, Pending(code, target, state, secrets.token_urlsafe(24)))
    return _agreed(server, code, target, state)


def _code(server: AuthorizationServer, client: Client, asked: Parameters) -> Code:
    if asked.need("response_type") != "code":
        raise OAuthError("unsupported_response_type", "only response_type=code is supported")
    if AUTHORIZATION_CODE not in client.grants:
        raise OAuthError("unauthorized_client", "the client may not use this grant")
    challenge = asked.need("code_challenge")
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
        raise OAuthError("invalid_request", "PKCE with code_challenge_method=S256 is required")
    users = server.settings.users
    hint = asked.get("login_hint")
    granted = Granted(
        client.id,
        hint if hint in users else users[0],
        server.scopes_for(client, asked.scopes),
        server.resources_for(asked.resources),
        new_family(),
        asked.get("dpop_jkt"),
        asked.get("nonce"),
    )
    return Code(granted, challenge, asked.get("redirect_uri"))


def _agreed(server: AuthorizationServer, code: Code, target: str, state: str | None) -> HttpResponse:
    secret = secrets.token_urlsafe(32)
    server.codes.put(secret, code, server.settings.lifetimes.code)
    return redirect(target, {"code": secret, "state": state, "iss": server.response_issuer})


def _consent(server: AuthorizationServer, client: Client, pending: Pending) -> HttpResponse:
    """Show who asks, from where, for what, and where the answer goes
    (`basic/authorization/security-considerations#localhost-redirect-uri-risks`)."""
    ticket = secrets.token_urlsafe(24)
    server.pending.put(ticket, pending, server.settings.lifetimes.consent)
    granted = pending.code.granted
    target = urlsplit(pending.target).hostname or urlsplit(pending.target).scheme
    rows = [
        f"<p><strong>{html.escape(client.name or client.id)}</strong> wants to act as {html.escape(granted.subject)}",
        f" at <code>{html.escape(', '.join(granted.resources))}</code>",
        f" with <code>{html.escape(' '.join(granted.scopes))}</code>.</p>",
        f"<p>The answer goes to <code>{html.escape(target)}</code>.</p>",
    ]
    if client.host is not None:
        rows.append(f"<p>The client describes itself at <code>{html.escape(client.host)}</code>.</p>")
    if is_loopback(target):
        warning = "Any program on this machine can receive the answer. Go on only if you have just started one."
        rows.append(f'<p class="warning">{warning}</p>')
    rows.append(
        f'<form method="post" action="{html.escape(server.url("/authorize"))}">'
        f'<input type="hidden" name="ticket" value="{ticket}">'
        '<button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button></form>'
    )
    cookie = f"{_COOKIE}={pending.cookie}; HttpOnly; SameSite=Strict; Path=/"
    if server.settings.issuer.startswith("https:"):
        cookie += "; Secure"
    return page("Allow access?", "".join(rows), headers={"set-cookie": cookie})


async def decide(server: AuthorizationServer, request: WebRequest) -> HttpResponse:
    """Take the user's decision, from the browser that was asked, once."""
    form = request.form()
    pending = server.pending.take(form.need("ticket"))
    if pending is None or not hmac.compare_digest(_cookie(request).encode(), pending.cookie.encode()):
        return page("This decision came too late", "<p>Start again in the client.</p>", 400)
    if form.get("decision") == "allow":
        return _agreed(server, pending.code, pending.target, pending.state)
    refusal = {"error": "access_denied", "error_description": "the user declined", "state": pending.state}
    return redirect(pending.target, {**refusal, "iss": server.response_issuer})


def _cookie(request: WebRequest) -> str:
    pairs = (item.strip().partition("=") for item in request.headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == _COOKIE), "")
