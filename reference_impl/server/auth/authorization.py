"""How an endpoint is protected, in one object, and the metadata that follows from it (RFC 9728)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from reference_impl.server.auth.verifiers import TokenVerifier, canonical_resource

if TYPE_CHECKING:
    from reference_impl.server.auth.dpop import DpopProofs

__all__ = ["WELL_KNOWN", "Authorization"]

WELL_KNOWN = "/.well-known/oauth-protected-resource"
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Authorization:
    """Protects an endpoint with OAuth 2.1 (`basic/authorization`).

    `resource` is the URL of the endpoint as clients know it; tokens have to be made for it. `authorization_servers` are
    the issuers where clients get them; `verifier` judges them. `scopes` are needed for every request; tools, resources
    and prompts may need more. `implied` maps a broad scope to the narrower ones that it holds. With `hides`, lists
    leave out what a token does not reach. `dpop` takes proofs of tokens that are bound to keys.

    `supported` is what the metadata advertises as needed for basic use, `scopes` if it is None; `described` are further
    members of the metadata, such as `resource_name`. Raises `ValueError` for what clients could not use.
    """

    resource: str
    authorization_servers: tuple[str, ...]
    verifier: TokenVerifier
    scopes: tuple[str, ...] = ()
    implied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hides: bool = False
    dpop: DpopProofs | None = None
    supported: tuple[str, ...] | None = None
    described: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.resource)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
        if not secure or not parts.hostname or "#" in self.resource or '"' in self.resource:
            raise ValueError("resource must be an https URL without fragment (http only on this machine)")
        if not self.authorization_servers:
            raise ValueError("at least one authorization server is needed")
        scopes = (*self.scopes, *(self.supported or ()))
        if not all(_SCOPE.fullmatch(scope) for scope in scopes):
            raise ValueError("a scope is visible ASCII without quotes, backslashes and spaces")
        if "offline_access" in scopes:
            raise ValueError("the scope offline_access is between clients and their authorization server")

    @property
    def metadata_url(self) -> str:
        """The address of the metadata: the well-known path before the resource's own (RFC 9728, 3.1)."""
        parts = urlsplit(canonical_resource(self.resource))
        return urlunsplit((parts.scheme, parts.netloc, f"{WELL_KNOWN}{parts.path}", parts.query, ""))

    def metadata_paths(self, path: str) -> frozenset[str]:
        """Return where the metadata is served: for the resource as clients know it, for the endpoint at `path`, and at
        the root."""
        return frozenset({urlsplit(self.metadata_url).path, f"{WELL_KNOWN}{path.rstrip('/')}", WELL_KNOWN})

    def metadata(self) -> dict[str, Any]:
        """Return the protected resource metadata."""
        scopes = self.scopes if self.supported is None else self.supported
        document: dict[str, Any] = {
            "resource": self.resource,
            "authorization_servers": list(self.authorization_servers),
            "bearer_methods_supported": ["header"],
        }
        if scopes:
            document["scopes_supported"] = list(scopes)
        if self.dpop is not None:
            document["dpop_signing_alg_values_supported"] = list(self.dpop.algorithms)
            document["dpop_bound_access_tokens_required"] = self.dpop.required
        return {**self.described, **document}

    def reach(self, scopes: frozenset[str]) -> frozenset[str]:
        """Return the scopes of a token and all that they imply."""
        reached, new = set(scopes), set(scopes)
        while new:
            new = {narrow for broad in new for narrow in self.implied.get(broad, ())} - reached
            reached |= new
        return frozenset(reached)
