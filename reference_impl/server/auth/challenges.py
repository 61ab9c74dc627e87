"""Refusals in the words of RFC 6750, RFC 9449 and RFC 9728: a status, and a challenge that tells clients what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.server.http.messages import HttpError, error_response

if TYPE_CHECKING:
    from reference_impl.server.auth.authorization import Authorization

__all__ = ["Challenges"]


class Challenges:
    """Makes the refusals of one endpoint."""

    def __init__(self, authorization: Authorization) -> None:
        self._metadata = authorization.metadata_url
        self._scopes = authorization.scopes
        self._dpop = authorization.dpop

    def unauthorized(self, error: str | None = None, why: str | None = None, *, nonce: str | None = None) -> HttpError:
        """Return 401: a token is needed, another one, or a proof with a nonce."""
        facts = {"error": error, "error_description": why, "resource_metadata": self._metadata}
        facts["scope"] = " ".join(self._scopes) or None
        about_proof = error in ("invalid_dpop_proof", "use_dpop_nonce")
        challenges = [] if about_proof or (self._dpop is not None and self._dpop.required) else [_line("Bearer", facts)]
        if self._dpop is not None:
            challenges.append(_line("DPoP", {**facts, "algs": " ".join(self._dpop.algorithms)}))
        headers = {"www-authenticate": ", ".join(challenges)}
        if nonce is not None:
            headers["dpop-nonce"] = nonce
        return _refusal(401, f"Unauthorized: {why or 'an access token is required'}", headers)

    def insufficient_scope(self, scopes: tuple[str, ...], scheme: str) -> HttpError:
        """Return 403: a token with these scopes is needed, all of them told at once."""
        needed = " ".join(dict.fromkeys((*self._scopes, *scopes)))
        facts = {
            "error": "insufficient_scope",
            "scope": needed,
            "resource_metadata": self._metadata,
            "error_description": "the token lacks a scope that this request needs",
        }
        return _refusal(
            403, f"Forbidden: insufficient scope, {needed} needed", {"www-authenticate": _line(scheme, facts)}
        )

    def malformed(self, why: str) -> HttpError:
        """Return 400: the request shows its token in no way that is allowed."""
        facts = {"error": "invalid_request", "error_description": why, "resource_metadata": self._metadata}
        return _refusal(400, f"Bad request: {why}", {"www-authenticate": _line("Bearer", facts)})

    def unavailable(self, why: str) -> HttpError:
        """Return 503: the token may be good, but nobody can tell now."""
        return _refusal(503, f"Unavailable: {why}", {"retry-after": "5"})


def _line(scheme: str, facts: Mapping[str, str | None]) -> str:
    return f"{scheme} " + ", ".join(f'{name}="{value}"' for name, value in facts.items() if value is not None)


def _refusal(status: int, text: str, headers: Mapping[str, str]) -> HttpError:
    error = RemoteProtocolError(Code.INVALID_REQUEST, text)
    return HttpError(error_response(status, error, headers={**headers, "cache-control": "no-store"}))
