"""A scripted protected server: what it publishes of itself, and whom it lets in (RFC 9728, RFC 6750 section 3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from conformance.clients.authorization.challenges import challenge
from conformance.clients.authorization.exchange import NOT_FOUND, bearer, document, value
from conformance.clients.authorization.issuer import AuthorizationServer, Grant
from conformance.clients.authorization.terms import STEP, Terms
from conformance.clients.http_stage import PATH
from conformance.clients.reply import HttpRequest, RawReply

__all__ = ["ENOUGH", "NAMED", "WELL_KNOWN", "Guard"]

NAMED = "/notes/resource.json"
"""Where the resource metadata lie that only a challenge leads to."""
WELL_KNOWN = "/.well-known/oauth-protected-resource"
_AUTHORITY = "/.well-known/oauth-authorization-server"
_PLACES = {"named": NAMED, "path": f"{WELL_KNOWN}{PATH}", "root": WELL_KNOWN}
ENOUGH = 8
"""Refusals for lack of scope after which even a server that always refuses gives in: nothing goes on for ever."""


@dataclass(slots=True)
class Guard:
    """The protected server at `origin`. `issuers` are the authorization servers in charge, one after the other."""

    origin: str
    terms: Terms
    issuers: tuple[AuthorizationServer, ...]
    _refused: int = field(default=0, init=False)
    _spent: str | None = field(default=None, init=False)
    _moved: bool = field(default=False, init=False)

    @property
    def resource(self) -> str:
        """What its metadata call it: by its origin where they lie at the root (RFC 9728, section 3.3)."""
        if self.terms.resource is not None:
            return self.terms.resource
        return self.origin if self.terms.places == ("root",) else f"{self.origin}{PATH}"

    @property
    def in_charge(self) -> AuthorizationServer:
        """The authorization server whose tokens it takes."""
        return self.issuers[-1] if self._moved else self.issuers[0]

    def take(self, asked: HttpRequest) -> RawReply | None:
        """Answer a request; None: it is let in."""
        if asked.path == PATH:
            return self._admit(asked)
        if asked.path in {_PLACES[place] for place in self.terms.places}:
            return document(self._metadata(self.in_charge.issuer))
        if self.terms.decoys and asked.path in _PLACES.values():
            return document(self._metadata(f"{self.origin}/decoy"))
        if self.terms.decoys and asked.path.startswith(_AUTHORITY):
            return document(self._decoy(asked.path.removeprefix(_AUTHORITY)))
        return self.issuers[0].take(asked) if self.terms.early else NOT_FOUND

    def _metadata(self, issuer: str) -> dict[str, Any]:
        told: dict[str, Any] = {
            "resource": self.resource,
            "authorization_servers": [issuer],
            "bearer_methods_supported": ["header"],
        }
        if self.terms.supported is not None:
            told["scopes_supported"] = list(self.terms.supported)
        return told

    def _decoy(self, path: str) -> dict[str, Any]:
        at = f"{self.origin}/decoy"
        return {
            "issuer": f"{self.origin}{path}",
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "registration_endpoint": f"{at}/register",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }

    # Who is let in --------------------------------------------------------------------------------

    def _admit(self, asked: HttpRequest) -> RawReply | None:
        method = _method(asked)
        if self.terms.opens and (asked.method == "GET" or method == "initialize" or method.startswith("notif")):
            return None
        shown = bearer(asked)
        grant = self.in_charge.tokens.get(shown or "")
        if grant is None or shown == self._spent:
            return self._unauthorized(asked)
        if method == "tools/list" and self._spent is None and (self.terms.expires or self.terms.moves):
            self._spent, self._moved = shown, self.terms.moves
            return self._unauthorized(asked)
        if method == "tools/call" and self._refused < self.terms.steps and self._wants(grant):
            self._refused += 1
            return self._refusal(403, {"error": "insufficient_scope", "scope": STEP})
        return None

    def _wants(self, grant: Grant) -> bool:
        """Whether a call takes more than was granted; for a server that always refuses it does."""
        return self.terms.steps >= ENOUGH or STEP not in grant.scope.split()

    def _unauthorized(self, asked: HttpRequest) -> RawReply:
        error = None if asked.head.get("authorization") is None else "invalid_token"
        return self._refusal(401, {"error": error, "scope": self.terms.scope})

    def _refusal(self, status: int, parameters: dict[str, str | None]) -> RawReply:
        named = f"{self.origin}{NAMED}" if "named" in self.terms.places else None
        fields = challenge(self.terms.challenge, {"resource_metadata": named, **parameters})
        return RawReply(status, (*fields, ("content-type", "application/json")), b'{"error": "unauthorized"}')


def _method(asked: HttpRequest) -> str:
    method = value(asked).get("method") if asked.method == "POST" else None
    return method if isinstance(method, str) else ""
