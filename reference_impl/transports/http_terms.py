"""What every HTTP shell speaks of: whom it talks to, and what can go wrong on the way.

Source: RFC 9110, RFC 9112.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

__all__ = ["BadHttp", "ConnectFailed", "ConnectionLost", "HttpError", "Origin", "shown", "why_not_connected"]

_USUAL_PORTS = {"http": 80, "https": 443}
_UNKNOWN_ISSUER = frozenset({18, 19, 20, 21})
"""OpenSSL's codes for a certificate that nobody who is trusted vouches for (X509_V_ERR)."""


class HttpError(Exception):
    """Base of what can go wrong in an exchange."""


class ConnectFailed(HttpError):  # noqa: N818 - the name says what happened
    """No connection could be made: nobody listens, the name is unknown, or TLS was refused."""


class ConnectionLost(HttpError):  # noqa: N818 - the name says what happened
    """The connection ended in the middle of an exchange. `received` tells whether any byte of the answer had come."""

    def __init__(self, message: str, received: bool) -> None:
        super().__init__(message)
        self.received = received


class BadHttp(HttpError):  # noqa: N818 - the name says what happened
    """What came is no HTTP/1.1 response, or goes over a limit."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom to talk to: scheme, host and port."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Read an `http` or `https` URL. Raises `ValueError` for any other, in words without its credentials."""
        try:
            parts = urlsplit(url)
            host, port = _ascii(parts.hostname or ""), parts.port
        except ValueError as error:
            raise ValueError(f"{shown(url)} is no valid URL") from error
        if parts.scheme not in ("http", "https") or not host:
            raise ValueError(f"{shown(url)} is no http or https URL")
        return cls(parts.scheme, host, _USUAL_PORTS[parts.scheme] if port is None else port)

    @property
    def authority(self) -> str:
        """What the Host header says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _USUAL_PORTS.get(self.scheme) else f"{host}:{self.port}"


def _ascii(host: str) -> str:
    """Return a host name as it goes over the wire (RFC 3490)."""
    return host if host.isascii() else host.encode("idna").decode()


def shown(url: str) -> str:
    """Return a URL as it may be shown: without the user, the password and the query, which may all be secrets."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    address = rest.partition("?")[0].partition("#")[0]
    authority, slash, path = address.partition("/")
    return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def why_not_connected(reason: BaseException) -> str:
    """Say why there is no connection, for somebody who does not think in error numbers."""
    match reason:
        case ConnectionRefusedError():
            return "connection refused: nothing listens there"
        case ssl.SSLCertVerificationError():
            hint = " (SSL_CERT_FILE names certificates to trust)" if reason.verify_code in _UNKNOWN_ISSUER else ""
            return f"certificate verify failed: {reason.verify_message.rstrip('.')}{hint}"
        case ssl.SSLError(reason="WRONG_VERSION_NUMBER" | "RECORD_LAYER_FAILURE"):
            return "no TLS is spoken there; is it an http:// address?"
        case ssl.SSLError(reason=str(alert)):
            return f"TLS failed: {alert.lower().replace('_', ' ')}"
        case OSError(strerror=str(words)):
            return words.lower()
    return str(reason)
