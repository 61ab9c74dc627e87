"""URLs of authorization: which may be used, which name the same server, and where metadata lies.

Sources: `basic/authorization#canonical-server-uri` and `security-considerations#communication-security` of 2026-07-28;
RFC 8414 section 3.1, RFC 9728 section 3.1, RFC 8252 section 7.3.
"""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit, urlunsplit

from reference_impl.client.errors import AuthorizationFailed
from reference_impl.transports.addresses import is_loopback

__all__ = [
    "authorization_server_locations",
    "base_url",
    "canonical",
    "covers",
    "require_secure",
    "resource_locations",
]

_RESOURCE = "oauth-protected-resource"
_SERVER = "oauth-authorization-server"
_OPENID = "openid-configuration"
_PORTS = {"http": 80, "https": 443}


def require_secure(url: str, what: str) -> str:
    """Return a URL that secrets may go to. Raises `AuthorizationFailed`: only HTTPS will do, or plain HTTP on loopback.

    It also keeps what is no web address from ever being opened in a browser.
    """
    parts = _split(url, what)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise AuthorizationFailed(f"{what} is not served over HTTPS: {_shown(parts)}")
    if parts.username is not None or parts.fragment:
        raise AuthorizationFailed(f"{what} has a user name or a fragment: {_shown(parts)}")
    return url


def _split(url: str, what: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise AuthorizationFailed(f"{what} is no valid URL") from error
    if not parts.hostname or any(ord(character) <= 0x20 or ord(character) == 0x7F for character in url):
        raise AuthorizationFailed(f"{what} is no valid URL")
    return parts


def _shown(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.hostname}"


def canonical(url: str) -> str:
    """Return the canonical URI of a server: scheme and host in lower case, no query, no fragment, no final slash."""
    parts = _split(url, "the server's address")
    return f"{_origin(parts)}{parts.path.rstrip('/')}"


def base_url(url: str) -> str:
    """Return a URL without its path: the authorization base URL of 2025-03-26."""
    return _origin(_split(url, "the server's address"))


def _origin(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    usual = parts.port is None or parts.port == _PORTS.get(parts.scheme)
    return f"{parts.scheme}://{host}" if usual else f"{parts.scheme}://{host}:{parts.port}"


def covers(resource: str, server: str) -> bool:
    """Tell whether a resource identifier stands for a server: it is its URL, or a parent of it on the same origin."""
    try:
        identifier, address = canonical(resource), canonical(server)
    except AuthorizationFailed:
        return False
    return "#" not in resource and (address == identifier or address.startswith(f"{identifier}/"))


def resource_locations(server: str) -> tuple[str, ...]:
    """Return where a server's protected resource metadata may lie, in the order to try: at its path, at the root."""
    return tuple(dict.fromkeys((_inserted(server, _RESOURCE), f"{base_url(server)}/.well-known/{_RESOURCE}")))


def authorization_server_locations(issuer: str) -> tuple[str, ...]:
    """Return where an authorization server's metadata may lie, in the order to try
    (`authorization-server-discovery#authorization-server-metadata-discovery`)."""
    inserted = (_inserted(issuer, _SERVER), _inserted(issuer, _OPENID))
    appended = f"{issuer.rstrip('/')}/.well-known/{_OPENID}"
    return tuple(dict.fromkeys((*inserted, appended)))


def _inserted(url: str, suffix: str) -> str:
    parts = urlsplit(url)
    path = f"/.well-known/{suffix}{parts.path.rstrip('/')}"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))
