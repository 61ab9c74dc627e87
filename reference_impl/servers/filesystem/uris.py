"""`file:` URIs of places (RFC 8089)."""

from __future__ import annotations

from urllib.parse import quote, unquote

__all__ = ["TEMPLATE", "path_of", "uri_of"]

_SCHEME = "file://"
TEMPLATE = _SCHEME + "{+path}"
"""Every absolute path; which of them may be used is another question."""


def uri_of(path: str) -> str:
    """Return the URI of an absolute path."""
    return _SCHEME + quote(path, errors="surrogateescape")


def path_of(uri: str) -> str | None:
    """Return the absolute path that a URI of `TEMPLATE` means, percent-decoded once, or None."""
    path = unquote(uri.removeprefix(_SCHEME))
    return path if uri.startswith(_SCHEME) and path.startswith("/") else None
