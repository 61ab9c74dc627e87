"""The two documents that discovery reads, and what they have to say to be of use.

Sources: RFC 9728 section 2, RFC 8414 section 2, RFC 9207 section 3, RFC 9449 sections 5.1 and 5.2.
"""

from __future__ import annotations

import msgspec

from reference_impl.client.auth.addresses import require_secure
from reference_impl.client.errors import AuthorizationFailed

__all__ = ["AuthorizationServer", "ProtectedResource", "read_authorization_server", "read_protected_resource"]


class ProtectedResource(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of its authorization: its identifier, and who issues tokens for it."""

    resource: str
    authorization_servers: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] | None = None
    dpop_bound_access_tokens_required: bool | None = None


class AuthorizationServer(msgspec.Struct, frozen=True, kw_only=True):
    """What an authorization server says of itself, as far as a client has to know it."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str | None = None
    registration_endpoint: str | None = None
    scopes_supported: tuple[str, ...] | None = None
    code_challenge_methods_supported: tuple[str, ...] | None = None
    token_endpoint_auth_methods_supported: tuple[str, ...] | None = None
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] | None = None
    authorization_response_iss_parameter_supported: bool | None = None
    client_id_metadata_document_supported: bool | None = None
    dpop_signing_alg_values_supported: tuple[str, ...] | None = None

    @property
    def token_auth_methods(self) -> tuple[str, ...]:
        """How clients may authenticate at the token endpoint; RFC 8414 names what silence means."""
        return self.token_endpoint_auth_methods_supported or ("client_secret_basic",)


def read_protected_resource(body: bytes, where: str) -> ProtectedResource:
    """Read a protected resource metadata document. Raises `AuthorizationFailed` if it is none."""
    try:
        return msgspec.json.decode(body, type=ProtectedResource)
    except (msgspec.DecodeError, RecursionError) as error:
        raise AuthorizationFailed(f"{where} is no protected resource metadata: {error}") from error


def read_authorization_server(body: bytes, where: str) -> AuthorizationServer:
    """Read an authorization server's metadata. Raises `AuthorizationFailed` if it is none, or names an endpoint that is
    not served over HTTPS."""
    try:
        found = msgspec.json.decode(body, type=AuthorizationServer)
    except (msgspec.DecodeError, RecursionError) as error:
        raise AuthorizationFailed(f"{where} is no authorization server metadata: {error}") from error
    for name in ("authorization_endpoint", "token_endpoint", "registration_endpoint"):
        endpoint = getattr(found, name)
        if endpoint is not None:
            require_secure(endpoint, f"the {name} of {where}")
    return found
