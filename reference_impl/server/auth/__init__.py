"""Authorization of an MCP server: an OAuth 2.1 resource server (`basic/authorization`). It checks tokens, it gives none
out.

    verifier = JwtVerifier("https://mcp.example/mcp", ["https://auth.example"])
    authorization = Authorization("https://mcp.example/mcp", ("https://auth.example",), verifier, scopes=("mcp",))
    app = MCPApplication(server, authorization=authorization)

`BearerTokens` is the least that names a caller. What needs `joserfc` (extra `servers`) is imported when it
is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reference_impl.server.access import Access
from reference_impl.server.auth.authorization import Authorization
from reference_impl.server.auth.bearer import Authenticator, BearerTokens
from reference_impl.server.auth.errors import InvalidTokenError, VerificationUnavailableError
from reference_impl.server.auth.verifiers import StaticTokens, TokenVerifier

if TYPE_CHECKING:
    from reference_impl.server.auth.dpop import DpopProofs, Nonces
    from reference_impl.server.auth.introspection import IntrospectionVerifier
    from reference_impl.server.auth.jwt_verifier import JwtRules, JwtVerifier
    from reference_impl.server.auth.keys import FetchedKeys, FixedKeys

__all__ = [
    "Access",
    "Authenticator",
    "Authorization",
    "BearerTokens",
    "DpopProofs",
    "FetchedKeys",
    "FixedKeys",
    "IntrospectionVerifier",
    "InvalidTokenError",
    "JwtRules",
    "JwtVerifier",
    "Nonces",
    "StaticTokens",
    "TokenVerifier",
    "VerificationUnavailableError",
]

_HOMES = {
    "DpopProofs": "dpop",
    "FetchedKeys": "keys",
    "FixedKeys": "keys",
    "IntrospectionVerifier": "introspection",
    "JwtRules": "jwt_verifier",
    "JwtVerifier": "jwt_verifier",
    "Nonces": "dpop",
}
"""Names that need an optional dependency, to the module that has them."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        message = f"{name} needs {error.name}: install mcp-touchstone[servers]"
        raise ImportError(message) from error
