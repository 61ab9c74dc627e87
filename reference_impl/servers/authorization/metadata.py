"""What an authorization server says about itself (RFC 8414, OpenID Connect Discovery)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reference_impl.servers.authorization.authentication import ASSERTION_ALGORITHMS
from reference_impl.servers.authorization.settings import GRANTS, JWT_BEARER, TOKEN_EXCHANGE

if TYPE_CHECKING:
    from reference_impl.servers.authorization.app import AuthorizationServer

__all__ = ["metadata"]


def metadata(server: AuthorizationServer) -> dict[str, Any]:
    """Return the document; it is the same for both ways of discovery."""
    settings = server.settings
    without = {JWT_BEARER: settings.trusted or settings.platforms, TOKEN_EXCHANGE: settings.chains}
    grants = [grant for grant in GRANTS if without.get(grant, True)]
    document: dict[str, Any] = {
        "issuer": settings.issuer,
        "authorization_endpoint": server.url("/authorize"),
        "token_endpoint": server.url("/token"),
        "jwks_uri": server.url("/jwks"),
        "introspection_endpoint": server.url("/introspect"),
        "revocation_endpoint": server.url("/revoke"),
        "scopes_supported": list(server.scopes),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": grants,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": list(settings.methods),
        "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": [method for method in settings.methods if method != "none"],
        "dpop_signing_alg_values_supported": list(server.proofs.algorithms),
    }
    return document | _optional(server)


def _optional(server: AuthorizationServer) -> dict[str, Any]:
    settings, features = server.settings, server.settings.features
    document: dict[str, Any] = {}
    if features.registration:
        document["registration_endpoint"] = server.url("/register")
    if features.documents:
        document["client_id_metadata_document_supported"] = True
    if features.issuer_parameter:
        document["authorization_response_iss_parameter_supported"] = True
    if settings.trusted:
        document["authorization_grant_profiles_supported"] = ["urn:ietf:params:oauth:grant-profile:id-jag"]
    if features.openid:
        document |= {
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [settings.algorithm],
            "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nonce"],
        }
    return document
