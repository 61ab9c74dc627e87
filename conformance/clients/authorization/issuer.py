"""A scripted authorization server: metadata, registration, an authorization endpoint without a page, tokens.

It takes whatever can be taken: what is wrong in a request is for the judges to say. Sources: RFC 8414, RFC 7591, RFC
9207, OAuth 2.1 sections 3 and 4.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from conformance.clients.authorization.exchange import NOT_FOUND, document, redirect, value
from conformance.clients.authorization.terms import IssuerTerms
from conformance.clients.reply import HttpRequest, RawReply

__all__ = ["ERROR", "FOREIGN", "MARKER", "AuthorizationServer", "Grant"]

FOREIGN = "https://issuer.touchstone.invalid"
"""An issuer that nobody is: what a response or metadata of another authorization server would name."""
ERROR = "touchstone_error"
MARKER = "touchstone must not be shown"
"""Error and description in a response that does not come from the client's authorization server."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user agreed to: which client may have which scopes."""

    client: str
    scope: str


@dataclass(slots=True)
class AuthorizationServer:
    """One authorization server, at `origin`. `name` stands in all that it issues; `sealed` is the origin of its token
    endpoint where its terms want that."""

    name: str
    origin: str
    terms: IssuerTerms
    sealed: str = ""
    tokens: dict[str, Grant] = field(default_factory=dict)
    _clients: dict[str, Any] = field(default_factory=dict)
    _codes: dict[str, Grant] = field(default_factory=dict)
    _refreshes: dict[str, Grant] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def issuer(self) -> str:
        """Its identifier."""
        return f"{self.origin}{self.terms.path}"

    @property
    def base(self) -> str:
        """What its endpoints stand below: by default paths where it publishes nothing."""
        return f"{self.terms.path}/go" if self.terms.kind else ""

    @property
    def place(self) -> str | None:
        """The path at which its metadata lie."""
        path = self.terms.path
        match self.terms.kind:
            case "oauth":
                return f"/.well-known/oauth-authorization-server{path}"
            case "openid" if self.terms.appended:
                return f"{path}/.well-known/openid-configuration"
            case "openid":
                return f"/.well-known/openid-configuration{path}"
        return None

    def take(self, asked: HttpRequest) -> RawReply:
        """Answer a request to one of its origins."""
        if asked.path == self.place:
            return self._metadata()
        served = {"/authorize": self._authorize, "/token": self._token, "/register": self._register}
        endpoint = served.get(asked.path.removeprefix(self.base)) if asked.path.startswith(self.base) else None
        return NOT_FOUND if endpoint is None else endpoint(asked)

    def _metadata(self) -> RawReply:
        terms, at = self.terms, f"{self.origin}{self.base}"
        told: dict[str, Any] = {
            "issuer": terms.claims or self.issuer,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{self.sealed}{self.base}/token" if terms.sealed else f"{at}/token",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", *(["refresh_token"] if terms.refreshes else [])],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "client_secret_post"],
        }
        if terms.registers != "no":
            told["registration_endpoint"] = f"{at}/register"
        if terms.methods is not None:
            told["code_challenge_methods_supported"] = list(terms.methods)
        if terms.promises is not None:
            told["authorization_response_iss_parameter_supported"] = terms.promises
        if terms.documents:
            told["client_id_metadata_document_supported"] = True
        if terms.kind == "openid":
            told["jwks_uri"] = f"{at}/keys"
            told["subject_types_supported"] = ["public"]
            told["id_token_signing_alg_values_supported"] = ["RS256"]
        return document(told)

    def _register(self, asked: HttpRequest) -> RawReply:
        if self.terms.registers != "yes":
            words = {"error": "invalid_redirect_uri", "error_description": "This redirect address is not allowed."}
            return document(words, 400)
        wanted = value(asked)
        identifier = f"touchstone-client-{self.name}-{next(self._numbers)}"
        self._clients[identifier] = wanted.get("redirect_uris")
        names = ("client_name", "redirect_uris", "grant_types", "response_types", "application_type", "scope")
        echoed = {name: wanted[name] for name in names if name in wanted}
        return document({**echoed, "client_id": identifier, "token_endpoint_auth_method": "none"}, 201)

    def _authorize(self, asked: HttpRequest) -> RawReply:
        asks = asked.form if asked.method == "POST" else asked.query
        back = asks.get("redirect_uri") or self._only_redirect(asks.get("client_id", ""))
        if urlsplit(back).scheme not in ("http", "https"):
            return document({"error": "invalid_request", "error_description": "No redirect address to go to."}, 400)
        return redirect(back, self._answer(asks))

    def _answer(self, asks: dict[str, str]) -> dict[str, str]:
        """Return the parameters of the response, in which state and iss are what the terms make them."""
        terms, answer = self.terms, dict[str, str]()
        if terms.error:
            answer |= {"error": ERROR, "error_description": MARKER, "error_uri": f"{FOREIGN}/error"}
        else:
            code = f"touchstone-code-{self.name}-{next(self._numbers)}"
            self._codes[code] = Grant(asks.get("client_id", ""), asks.get("scope", ""))
            answer["code"] = code
        if terms.state == "other":
            answer["state"] = "touchstone-other-state"
        elif terms.state == "own" and "state" in asks:
            answer["state"] = asks["state"]
        if (said := _said(self.issuer, terms.iss)) is not None:
            answer["iss"] = said
        return answer

    def _only_redirect(self, client: str) -> str:
        registered = self._clients.get(client)
        return registered[0] if isinstance(registered, list) and registered and isinstance(registered[0], str) else ""

    def _token(self, asked: HttpRequest) -> RawReply:
        form = asked.form
        if form.get("grant_type") == "client_credentials":
            return document(self._issued(Grant(form.get("client_id", ""), form.get("scope", ""))))
        held = self._codes if form.get("grant_type") == "authorization_code" else self._refreshes
        shown = form.get("code" if held is self._codes else "refresh_token", "")
        grant = held.pop(shown, None)
        if grant is None:
            return document({"error": "invalid_grant", "error_description": "Nothing was granted for this."}, 400)
        return document(self._issued(grant))

    def _issued(self, grant: Grant) -> dict[str, Any]:
        number = next(self._numbers)
        token, refresh = f"touchstone-access-{self.name}-{number}", f"touchstone-refresh-{self.name}-{number}"
        self.tokens[token] = grant
        told: dict[str, Any] = {"access_token": token, "token_type": "Bearer", "expires_in": 3600}
        if grant.scope:
            told["scope"] = grant.scope
        if self.terms.refreshes:
            self._refreshes[refresh] = grant
            told["refresh_token"] = refresh
        return told


def _said(issuer: str, how: str) -> str | None:
    """Return the iss of a response: the own one, one that a careless comparison takes for it, another, or none."""
    match how:
        case "own":
            return issuer
        case "slash":
            return f"{issuer}/"
        case "case":
            return issuer.replace("http://", "HTTP://", 1)
        case "percent":
            return f"{issuer[:-1]}%{ord(issuer[-1]):02X}"
        case "foreign":
            return FOREIGN
    return None
