"""Requests and responses of an authorization server: parameters, forms, errors, pages."""

from __future__ import annotations

import html
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from reference_impl.protocol.messages import MalformedError, decode_json, encode_json
from reference_impl.server.http.messages import HttpResponse, Receive, read_body

__all__ = ["OAuthError", "Parameters", "WebRequest", "json_answer", "page", "redirect"]

_LARGEST = 64 * 1024
_MOST_PARAMETERS = 64
NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
OPEN = {"access-control-allow-origin": "*"}
_PAGE = {
    **NO_STORE,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


class OAuthError(Exception):
    """A refusal in the words of OAuth (RFC 6749, 5.2): an error code and what to tell a developer."""

    def __init__(
        self, code: str, description: str, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description
        self.status = status
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a request. Only `resource` may come more than once (RFC 6749, 3.1; RFC 8707, 2)."""

    values: dict[str, str] = field(default_factory=dict)
    resources: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> Parameters:
        """Read `application/x-www-form-urlencoded`. Raises `OAuthError`; an empty value counts as none."""
        try:
            pairs = parse_qsl(text, max_num_fields=_MOST_PARAMETERS, errors="strict")
        except ValueError:
            raise OAuthError("invalid_request", "the parameters cannot be read") from None
        values: dict[str, str] = {}
        for name, value in pairs:
            if name in values and name != "resource":
                raise OAuthError("invalid_request", "a parameter is repeated")
            values[name] = value
        values.pop("resource", None)
        return cls(values, tuple(value for name, value in pairs if name == "resource"))

    def get(self, name: str) -> str | None:
        """Return a parameter, or None."""
        return self.values.get(name)

    def need(self, name: str) -> str:
        """Return a parameter. Raises `OAuthError` if it is missing."""
        value = self.values.get(name)
        if value is None:
            raise OAuthError("invalid_request", f"{name} is missing")
        return value

    @property
    def scopes(self) -> tuple[str, ...]:
        """The requested scopes, each once."""
        return tuple(dict.fromkeys((self.values.get("scope") or "").split()))


@dataclass(frozen=True, slots=True)
class WebRequest:
    """One request. `headers` has lower-case names; `query` is what follows the question mark."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: str
    body: bytes = b""

    @classmethod
    async def of(cls, scope: MutableMapping[str, Any], receive: Receive) -> WebRequest:
        """Read a request. Raises `OAuthError` for one that is too large."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = await read_body(receive, _LARGEST)
        if body is None:
            raise OAuthError("invalid_request", "the body is too large", 413)
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        return cls(scope["method"], path, headers, scope.get("query_string", b"").decode("latin-1"), body)

    def form(self) -> Parameters:
        """Return the form in the body. Raises `OAuthError`."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise OAuthError("invalid_request", "the body must be a form (application/x-www-form-urlencoded)")
        try:
            return Parameters.of(self.body.decode("utf-8"))
        except UnicodeDecodeError:
            raise OAuthError("invalid_request", "the parameters cannot be read") from None

    def json(self) -> dict[str, Any]:
        """Return the JSON object in the body. Raises `OAuthError`."""
        try:
            value = decode_json(self.body)
        except MalformedError:
            value = None
        if not isinstance(value, dict):
            raise OAuthError("invalid_client_metadata", "the body must be a JSON object")
        return value


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] = NO_STORE) -> HttpResponse:
    """Return a JSON response, which nothing on the way may keep."""
    return HttpResponse(status, encode_json(value), {**OPEN, **headers})


def redirect(uri: str, parameters: Mapping[str, str | None]) -> HttpResponse:
    """Return a redirect to `uri` with parameters added to its query."""
    parts = urlsplit(uri)
    added = urlencode({name: value for name, value in parameters.items() if value is not None})
    query = f"{parts.query}&{added}" if parts.query else added
    location = urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))
    return HttpResponse(302, b"", {"location": location, "referrer-policy": "no-referrer", **NO_STORE})


def page(title: str, content: str, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return a page. `content` is HTML, in which everything foreign has been escaped."""
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        "<style>body{font:16px/1.5 system-ui;max-width:34rem;margin:3rem auto;padding:0 1rem}"
        "code{background:#eee;padding:.1em .3em}button{font:inherit;padding:.4em 1.2em}"
        ".warning{border-left:4px solid #b60;padding-left:.8rem}</style>"
        f"<h1>{html.escape(title)}</h1>{content}</html>"
    )
    return HttpResponse(status, text.encode(), {**_PAGE, **(headers or {})}, "text/html; charset=utf-8")
