"""Which client is meant: one registered beforehand, one that registered itself, or one that describes itself at the
URL that is its id (`basic/authorization/client-registration`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from reference_impl.server.auth.expiring import Expiring
from reference_impl.server.auth.fetch import Fetcher, FetchError
from reference_impl.servers.authorization.settings import AUTHORIZATION_CODE, GRANTS, METHODS, Client, Settings
from reference_impl.servers.authorization.web import OAuthError
from reference_impl.transports.addresses import is_loopback

__all__ = ["Clients", "check_redirect_uri", "describe", "matching_redirect"]

_MOST_REGISTERED = 1000
_REGISTERED_FOR = 90 * 24 * 3600.0
_MOST_DOCUMENTS = 1000
_LARGEST_DOCUMENT = 10 * 1024
_MAX_AGE = re.compile(r"max-age=([0-9]{1,9})")
_LONGEST_KEPT = 24 * 3600.0
_SCRIPTS = ("javascript", "data", "vbscript", "file", "blob", "about")


class Clients:
    """All clients of a server."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._known = {client.id: client for client in settings.clients}
        self._registered: Expiring[Client] = Expiring(_MOST_REGISTERED, clock)
        self._documents: Expiring[Client] = Expiring(_MOST_DOCUMENTS, clock)
        self._features = settings.features
        loopback = settings.features.loopback
        self._fetcher = Fetcher(largest=_LARGEST_DOCUMENT, public=True, loopback=loopback)

    async def find(self, client_id: str) -> Client | None:
        """Return a client, or None. Raises `OAuthError` if it describes itself, but not as it should."""
        found = self._known.get(client_id) or self._registered.get(client_id)
        if found is None and self._features.documents and client_id.startswith(("https://", "http://")):
            return self._documents.get(client_id) or await self._fetch(client_id)
        return found

    async def known(self, client_id: str) -> Client:
        """Return a client. Raises `OAuthError` if there is none."""
        found = await self.find(client_id)
        if found is None:
            raise OAuthError("invalid_client", "the client is unknown")
        return found

    def register(self, client: Client) -> None:
        """Keep a client that registered itself."""
        self._registered.put(client.id, client, _REGISTERED_FOR)

    async def _fetch(self, client_id: str) -> Client:
        """Return the client that the document at `client_id` describes; it is kept as long as its headers allow."""
        _check_document_url(client_id)
        try:
            fetched = await self._fetcher.get(client_id)
        except FetchError as error:
            raise OAuthError("invalid_client", f"the client's document cannot be fetched: {error}") from None
        if fetched.document.get("client_id") != client_id:
            raise OAuthError("invalid_client", "the client's document is about another client_id")
        if not fetched.document.get("client_name"):
            raise OAuthError("invalid_client_metadata", "the client's document has no client_name")
        client = describe(client_id, fetched.document, None)
        self._documents.put(client_id, client, _kept_for(fetched.headers))
        return client


def _kept_for(headers: Mapping[str, str]) -> float:
    control = headers.get("cache-control", "")
    age = _MAX_AGE.search(control)
    if age is None or "no-store" in control or "no-cache" in control:
        return 0.0
    return min(float(age[1]), _LONGEST_KEPT)


def _check_document_url(client_id: str) -> None:
    parts = urlsplit(client_id)
    steps = parts.path.split("/")
    if parts.path in ("", "/") or parts.fragment or "@" in parts.netloc or {".", ".."} & set(steps):
        raise OAuthError("invalid_client", "a client_id that is a URL needs a plain path")


def describe(client_id: str, metadata: Mapping[str, Any], secret: str | None) -> Client:
    """Return the client that metadata (RFC 7591, 2) describes. Raises `OAuthError`.

    `secret` is given to clients that register and want one; a document can hold none. The metadata's `scope` does not
    bind the client: many register with those of their first challenge, and need more later.
    """
    method = _method(metadata, secret)
    name = metadata.get("client_name")
    keys, keys_url = metadata.get("jwks"), metadata.get("jwks_uri")
    return Client(
        client_id,
        _redirect_uris(metadata),
        secret if method.startswith("client_secret") else None,
        name if isinstance(name, str) else "",
        (method,),
        _grants(metadata),
        keys=keys if isinstance(keys, dict) else None,
        keys_url=keys_url if isinstance(keys_url, str) else None,
        host=urlsplit(client_id).hostname if "://" in client_id else None,
    )


def _method(metadata: Mapping[str, Any], secret: str | None) -> str:
    method = metadata.get("token_endpoint_auth_method", "none" if secret is None else "client_secret_basic")
    if method not in METHODS or (secret is None and method.startswith("client_secret")):
        raise OAuthError("invalid_client_metadata", "token_endpoint_auth_method is not supported for this client")
    keys = isinstance(metadata.get("jwks"), dict) or isinstance(metadata.get("jwks_uri"), str)
    if method == "private_key_jwt" and not keys:
        raise OAuthError("invalid_client_metadata", "private_key_jwt needs jwks or jwks_uri")
    return str(method)


def _grants(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    grants = _strings(metadata, "grant_types") or (AUTHORIZATION_CODE,)
    if not set(grants) <= set(GRANTS):
        raise OAuthError("invalid_client_metadata", "grant_types holds one that is not supported")
    return grants


def _redirect_uris(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    uris = _strings(metadata, "redirect_uris")
    for uri in uris:
        check_redirect_uri(uri, web=metadata.get("application_type") == "web")
    if not uris and AUTHORIZATION_CODE in _grants(metadata):
        raise OAuthError("invalid_redirect_uri", "redirect_uris are missing")
    return uris


def _strings(metadata: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = metadata.get(name, [])
    if not isinstance(value, list) or len(value) > 20 or not all(isinstance(item, str) for item in value):
        raise OAuthError("invalid_client_metadata", f"{name} must be an array of strings")
    return tuple(value)


def check_redirect_uri(uri: str, *, web: bool = False) -> None:
    """Check that a client may have this redirect URI: https, or http on loopback, or an app's own scheme (RFC 8252).

    Raises `OAuthError`. A `web` application has only https.
    """
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        raise OAuthError("invalid_redirect_uri", "a redirect URI is malformed") from None
    local = parts.scheme == "http" and is_loopback(host)
    private = "." in parts.scheme and not web
    secure = parts.scheme == "https" and bool(host)
    if parts.fragment or "#" in uri or parts.username is not None or parts.scheme in _SCRIPTS:
        raise OAuthError("invalid_redirect_uri", "a redirect URI is malformed")
    if not (secure or private or (local and not web)):
        raise OAuthError("invalid_redirect_uri", "a redirect URI must be https, or http on this machine")


def matching_redirect(client: Client, asked: str | None) -> str:
    """Return where to send the user: exactly a registered URI, or on loopback one that differs in its port alone
    (RFC 8252, 7.3). Raises `OAuthError`, after which nobody may be redirected."""
    if asked is None:
        if len(client.redirect_uris) != 1:
            raise OAuthError("invalid_request", "redirect_uri is missing")
        return client.redirect_uris[0]
    if asked in client.redirect_uris:
        return asked
    portless = _without_port(asked)
    if portless is not None and any(_without_port(uri) == portless for uri in client.redirect_uris):
        return asked
    raise OAuthError("invalid_request", "redirect_uri is not registered for this client")


def _without_port(uri: str) -> tuple[str, str, str] | None:
    """Return a loopback URI but for its port, None for any other."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    plain = parts.username is None and "#" not in uri
    return (host, parts.path, parts.query) if parts.scheme == "http" and is_loopback(host) and plain else None
