"""Who is calling: the hook of the HTTP face, and a small bearer-token table for it.

The specification makes an MCP server a resource server of OAuth 2.1 (`basic/authorization`): it checks tokens, it gives
none out. `BearerTokens` is the least that does so; anything else that is an `Authenticator` can take its place.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.server.http.messages import HttpError, error_response

__all__ = ["Authenticator", "BearerTokens"]

Authenticator = Callable[[Mapping[str, str]], Awaitable[str]]
"""Takes request headers (lower-case names); returns the principal's name. Raises `HttpError` with the 401 to send."""


class BearerTokens:
    """Knows principals by token. Only digests are kept, and compared in constant time.

    `metadata_url` is where the protected resource metadata is (RFC 9728), named in every challenge; `scope` what it
    asks for.
    """

    def __init__(self, tokens: Mapping[str, str], metadata_url: str | None = None, scope: str | None = None) -> None:
        self._principals = {hashlib.sha256(token.encode()).digest(): name for token, name in tokens.items()}
        parameters = {"resource_metadata": metadata_url, "scope": scope}
        self._challenge = ", ".join(f'{name}="{value}"' for name, value in parameters.items() if value is not None)

    async def __call__(self, headers: Mapping[str, str]) -> str:
        """Return the principal of the request's token."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._refusal(None)
        digest = hashlib.sha256(token.strip().encode()).digest()
        found = [name for known, name in self._principals.items() if hmac.compare_digest(known, digest)]
        if not found:
            raise self._refusal('error="invalid_token"')
        return found[0]

    def _refusal(self, error: str | None) -> HttpError:
        parts = ", ".join(part for part in (error, self._challenge) if part)
        challenge = {"www-authenticate": f"Bearer {parts}".strip()}
        body = RemoteProtocolError(Code.INVALID_REQUEST, "Unauthorized: a valid bearer token is required")
        return HttpError(error_response(401, body, headers=challenge))
