"""What a client holds for one server: its tokens, the key that they are bound to, and the headers made of both."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import anyio

from reference_impl.client.auth.credentials import Tokens
from reference_impl.client.auth.signing import ProofKey
from reference_impl.client.auth.storage import Store, load
from reference_impl.client.auth.token_endpoint import TokenResponse
from reference_impl.client.auth.venue import Venue
from reference_impl.client.errors import AuthorizationFailed

__all__ = ["Holding"]

_EARLY = 10.0
"""Seconds before its end from which a token counts as expired, or half of its life if that is less: it has to reach
the server while it is good."""
_KINDS = frozenset({"bearer", "dpop"})


class Holding:
    """Tokens for one server, in memory and in the store. Whoever obtains new ones holds the `lock`.

    `origin` is where the tokens come from: the store, a grant or a refresh. `generation` counts the tokens that there
    were, `failures` the authorizations that failed, the last of them for `reason`.
    """

    def __init__(self, server: str, store: Store) -> None:
        self.server = server
        self.lock = anyio.Lock()
        self.tokens: Tokens | None = None
        self.proofs: ProofKey | None = None
        self.origin, self.generation = "store", 0
        self.failures, self.reason = 0, ""
        self._store = store
        self.reload()

    def reload(self) -> None:
        """Take what another program has put into the store meanwhile: a refresh token that it has used is good for
        nothing any more, and sending it again would cost both theirs (OAuth 2.1, section 4.3.1)."""
        kept = load(self._store, f"tokens {self.server}", Tokens)
        if kept == self.tokens:
            return
        self._take(kept)
        key: Any = self._store.read(f"key {self.server}")
        self.proofs = ProofKey(key) if kept is not None and kept.bound and isinstance(key, dict) else None

    @property
    def expired(self) -> bool:
        """Whether there are tokens which are of no more use."""
        return self.tokens is not None and self.tokens.expired

    @property
    def refreshable(self) -> bool:
        """Whether there is a refresh token."""
        return self.tokens is not None and self.tokens.refresh_token is not None

    def headers(self, method: str, url: str) -> dict[str, str]:
        """Return the headers that authorize one request; none where there is no good token."""
        tokens = self.tokens
        if tokens is None or tokens.expired:
            return {}
        if not tokens.bound:
            return {"authorization": f"Bearer {tokens.access_token}"}
        if self.proofs is None:
            return {}
        proof = self.proofs.proof(method, url, tokens.access_token)
        return {"authorization": f"DPoP {tokens.access_token}", "dpop": proof}

    def differs(self, granted: Mapping[str, str]) -> bool:
        """Tell whether there is a good token by now which is not the one that a refused request went out with."""
        if self.tokens is None or self.tokens.expired:
            return False
        return granted.get("authorization", "").partition(" ")[2] != self.tokens.access_token

    def keep(self, venue: Venue, response: TokenResponse, refreshed: Tokens | None = None) -> None:
        """Keep what an authorization server issued, in place of what was there.

        `refreshed` are the tokens that these come from: their refresh token is kept where there is no new one. Raises
        `AuthorizationFailed` for a token of a kind that cannot be presented.
        """
        kind = response.token_type.lower()
        if kind not in _KINDS or (kind == "dpop") != (venue.proofs is not None):
            raise AuthorizationFailed(f"{venue.issuer} issued a token of the kind {response.token_type[:20]!r}")
        lifetime = response.lifetime
        former = None if refreshed is None else refreshed.refresh_token
        tokens = Tokens(
            response.access_token,
            venue.issuer,
            venue.resource,
            response.token_type,
            response.refresh_token or former,
            None if lifetime is None else time.time() + lifetime - min(_EARLY, lifetime / 2),
            venue.scopes,
            venue.scopes if response.scope is None else tuple(response.scope.split()),
        )
        self._take(tokens)
        self.origin = "grant" if refreshed is None else "refresh"
        self.proofs = venue.proofs
        self._store.write(f"tokens {self.server}", asdict(tokens))
        self._store.write(f"key {self.server}", None if self.proofs is None else self.proofs.kept())

    def _take(self, tokens: Tokens | None) -> None:
        self.tokens, self.origin = tokens, "store"
        self.generation += 1

    def forget(self) -> None:
        """Forget the tokens."""
        self._take(None)
        self._store.write(f"tokens {self.server}", None)
        self._store.write(f"key {self.server}", None)
