"""A world in memory: servers' metadata and authorization servers, as functions of what a client fetches."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from reference_impl.client.auth import (
    AuthorizationCode,
    Callback,
    ClientDescription,
    Grant,
    MemoryStore,
    OAuth,
)
from reference_impl.client.auth.fetching import Fetched
from reference_impl.client.authorizing import Refusal

SERVER = "https://mcp.example/mcp"
METADATA = "https://mcp.example/.well-known/oauth-protected-resource/mcp"
ISSUER = "https://auth.example"
REDIRECT = "http://127.0.0.1:3000/callback"
Json = dict[str, Any]


@dataclass
class Issuer:
    """An authorization server that agrees to everything: codes are bought once, and with their verifier alone.

    `said` are the fields of its metadata beside the endpoints, `answer` those of its token responses.
    """

    issuer: str = ISSUER
    said: Json = field(default_factory=dict)
    answer: Json = field(default_factory=dict)
    redirected: Json = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    asked: list[Json] = field(default_factory=list)
    forms: list[Json] = field(default_factory=list)
    heads: list[Mapping[str, str]] = field(default_factory=list)
    registrations: list[Json] = field(default_factory=list)
    codes: dict[str, Json] = field(default_factory=dict)

    def metadata(self) -> Json:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "registration_endpoint": f"{self.issuer}/register",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
            **self.said,
        }

    def authorize(self, url: str) -> str:
        """Be the user and the authorization endpoint: return where the browser is sent back to."""
        query = dict(parse_qsl(urlsplit(url).query))
        self.asked.append(query)
        code = f"code-{len(self.asked)}"
        self.codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.issuer} | self.redirected
        return f"{query['redirect_uri']}?{urlencode({k: v for k, v in answer.items() if v is not None})}"

    def register(self, body: Json) -> Fetched:
        self.registrations.append(body)
        return reply(201, {"client_id": f"client-{len(self.registrations)}", **body})

    def token(self, form: Json, headers: Mapping[str, str]) -> Fetched:
        self.forms.append(form)
        self.heads.append(headers)
        refusal = self.refuses.get(form["grant_type"])
        if form["grant_type"] == "authorization_code":
            asked = self.codes.pop(form["code"])
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            assert urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
            assert (form["redirect_uri"], form["resource"]) == (asked["redirect_uri"], asked["resource"])
        if refusal is not None:
            return reply(400, {"error": refusal, "error_description": "no"})
        return reply(200, {"access_token": f"token-{len(self.forms)}", "token_type": "Bearer", **self.answer})


def reply(status: int, body: Any, **headers: str) -> Fetched:
    return Fetched(status, headers, json.dumps(body).encode())


class World:
    """Documents by their address, and authorization servers. `fetched` are the addresses that were asked, in order."""

    def __init__(self, *issuers: Issuer, **resource: Any) -> None:
        self.issuers = {issuer.issuer: issuer for issuer in issuers or (Issuer(),)}
        self.documents: dict[str, Any] = {
            f"{name}/.well-known/oauth-authorization-server": issuer.metadata for name, issuer in self.issuers.items()
        }
        self.describe(**resource)
        self.fetched: list[str] = []
        self.headers: list[Mapping[str, str]] = []

    def describe(self, **resource: Any) -> None:
        """Let the server say something about itself."""
        self.documents[METADATA] = {"resource": SERVER, "authorization_servers": list(self.issuers), **resource}

    @property
    def issuer(self) -> Issuer:
        """The only authorization server, or the first."""
        return next(iter(self.issuers.values()))

    async def get(self, url: str, headers: Mapping[str, str]) -> Fetched:
        self.fetched.append(url)
        self.headers.append(headers)
        document = self.documents.get(url)
        if callable(document):
            document = document()
        return reply(404, {}) if document is None else reply(200, document)

    async def post_form(self, url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> Fetched:
        self.fetched.append(url)
        return self.issuers[url.removesuffix("/token")].token(dict(fields), headers)

    async def post_json(self, url: str, value: Any) -> Fetched:
        self.fetched.append(url)
        return self.issuers[url.removesuffix("/register")].register(value)

    async def browse(self, url: str) -> str:
        return self.issuers[url.partition("/authorize")[0]].authorize(url)

    # Clients in this world ----------------------------------------------------------------------

    def user(self, **description: Any) -> AuthorizationCode:
        """The grant that asks the user."""
        return AuthorizationCode(Callback(REDIRECT, self.browse), ClientDescription(**description))

    def oauth(self, grant: Grant | None = None, store: Any = None) -> OAuth:
        async def fetching(_: str) -> World:
            return self

        return OAuth(grant or self.user(), store or MemoryStore(), fetching=fetching)


def refusal(
    challenge: str | None = "Bearer",
    status: int = 401,
    granted: Mapping[str, str] | None = None,
    attempt: int = 0,
    server: str = SERVER,
) -> Refusal:
    headers = {} if challenge is None else {"www-authenticate": challenge}
    return Refusal(server, "POST", server, status, headers, granted or {}, {}, attempt)


async def headers(oauth: OAuth, server: str = SERVER) -> Mapping[str, str]:
    return await oauth.headers(server, "POST", server)


async def refused(oauth: OAuth, challenge: str | None = "Bearer", status: int = 401, attempt: int = 0) -> bool:
    """Refuse what the client would send now; tell whether it would send again."""
    return await oauth.answer(refusal(challenge, status, await headers(oauth), attempt))


def basic(head: Mapping[str, str]) -> str:
    return b64decode(head["authorization"].removeprefix("Basic ")).decode()


def query(url: str) -> Json:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
