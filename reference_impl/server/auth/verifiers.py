"""What turns a token into an `Access`, and the simplest thing that does: a table."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

from reference_impl.server.access import Access
from reference_impl.server.auth.errors import InvalidTokenError
from reference_impl.server.auth.expiring import digest

__all__ = ["StaticTokens", "TokenVerifier", "canonical_resource", "is_for", "read_scopes"]


class TokenVerifier(Protocol):
    """Verifies tokens: that they are genuine, valid now, and made for this very resource.

    What was verified may be kept for `cache_seconds`, and never beyond its end.
    """

    cache_seconds: float

    async def verify(self, token: str) -> Access:
        """Return what a token says. Raises `InvalidTokenError`, and `VerificationUnavailableError` if that cannot be
        told now; no text of either holds the token."""
        ...


class StaticTokens:
    """Tokens from a table, for tests and small installations. Only digests are kept, compared in constant time."""

    cache_seconds = 0.0

    def __init__(self, tokens: Mapping[str, Access]) -> None:
        self._known = {digest(token): access for token, access in tokens.items()}

    async def verify(self, token: str) -> Access:
        """Return what the table says of a token."""
        shown = digest(token)
        found = [access for known, access in self._known.items() if hmac.compare_digest(known, shown)]
        if not found:
            raise InvalidTokenError("the token is unknown")
        return found[0]


def canonical_resource(url: str) -> str:
    """Return a resource identifier as `basic/authorization#canonical-server-uri` would have it written: scheme and host
    in lower case, no final slash."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.lower(), parts.path.rstrip("/"), parts.query, parts.fragment))


def is_for(audience: Any, resource: str) -> bool:
    """Tell whether an audience, one or several, names this resource (RFC 8707, 2). `resource` is canonical."""
    audiences = audience if isinstance(audience, list) else [audience]
    try:
        return any(isinstance(item, str) and canonical_resource(item) == resource for item in audiences)
    except ValueError:
        return False


def read_scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """Return the scopes of claims: a string (RFC 8693, 4.2), or a list as some issuers write it."""
    value = claims.get("scope", claims.get("scp", ""))
    if isinstance(value, str):
        return frozenset(value.split())
    return frozenset(item for item in value if isinstance(item, str)) if isinstance(value, list) else frozenset()
