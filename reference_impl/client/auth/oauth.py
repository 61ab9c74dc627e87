"""An authorizer that does all of OAuth: it answers a refusal with discovery, a grant, a refresh, more scopes, a nonce.

Sources: `basic/authorization` of 2026-07-28, above all `#step-up-authorization-flow`; OAuth 2.1 sections 4.3 and 5.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from reference_impl.client.auth.addresses import canonical, require_secure
from reference_impl.client.auth.challenges import Challenge, find_challenge, parse_challenges
from reference_impl.client.auth.discovery import Discovered, discover
from reference_impl.client.auth.fetching import Fetcher, Fetches, is_private
from reference_impl.client.auth.holding import Holding
from reference_impl.client.auth.registration import forget
from reference_impl.client.auth.scopes import selected, union
from reference_impl.client.auth.signing import DPOP_ALGORITHM, ProofKey
from reference_impl.client.auth.storage import MemoryStore, Store
from reference_impl.client.auth.venue import Grant, Venue
from reference_impl.client.authorizing import Refusal
from reference_impl.client.errors import AuthorizationFailed, TokenRefused
from reference_impl.client.patience import finished
from reference_impl.protocol.revisions import LATEST_LEGACY
from reference_impl.protocol.streamable import PROTOCOL_VERSION
from reference_impl.transports.tunnel import Proxy

__all__ = ["OAuth"]


class OAuth:
    """Authorizes requests to any number of servers by one grant; see `Authorizer`.

    `store` keeps tokens and registrations. `ssl_context` and `proxy` are for the authorization servers; `fetching`
    gives what is to fetch on behalf of a host, in place of the usual one. Requests that are refused at the same time
    share one authorization, and its failure.
    """

    def __init__(
        self,
        grant: Grant,
        store: Store | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        proxy: str | None = None,
        fetching: Callable[[str], Awaitable[Fetches]] | None = None,
    ) -> None:
        self._grant = grant
        self._store = MemoryStore() if store is None else store
        self._ssl = ssl_context
        self._proxy = None if proxy is None else Proxy.of(proxy)
        self._fetching = self._careful if fetching is None else fetching
        self._holdings: dict[str, Holding] = {}

    async def _careful(self, host: str) -> Fetches:
        # What a proxy reaches is for the proxy to judge: from here, nobody can see the addresses.
        private = self._proxy is not None or await is_private(host)
        return Fetcher(self._ssl, self._proxy, private=private)

    def _holding(self, server: str) -> Holding:
        holding = self._holdings.get(server)
        if holding is None:
            name = canonical(server)
            holding = self._holdings.setdefault(name, Holding(name, self._store))
            self._holdings[server] = holding  # by this spelling too: every request asks
        return holding

    @property
    def generation(self) -> int:
        """See `Authorizer.generation`."""
        return sum(holding.generation for holding in self._holdings.values())

    # What HTTP asks for -------------------------------------------------------------------------

    async def headers(self, server: str, method: str, url: str) -> Mapping[str, str]:
        """See `Authorizer.headers`. A token that has ended is renewed beforehand, where that asks no user."""
        holding = self._holding(server)
        if holding.refreshable and holding.expired:
            # Where that fails, the request goes out without a token, and the server says what it wants.
            with suppress(AuthorizationFailed):
                async with self._alone(holding):
                    holding.reload()
                    if holding.refreshable and holding.expired:
                        await self._renew(holding)
        return holding.headers(method, url)

    async def answer(self, refusal: Refusal) -> bool:
        """See `Authorizer.answer`."""
        header = refusal.headers.get("www-authenticate")
        challenge = find_challenge(header)
        if challenge is None and parse_challenges(header):
            return False  # it wants something else than a token
        challenge = challenge or Challenge("bearer")
        holding = self._holding(refusal.server)
        if challenge.error == "use_dpop_nonce":
            nonce = refusal.headers.get("dpop-nonce")
            if holding.proofs is not None:
                holding.proofs.note(refusal.url, nonce)
            return holding.proofs is not None and nonce is not None
        async with self._alone(holding):
            holding.reload()
            if holding.differs(refusal.granted):
                return True  # another request, or another program, has been here before
            if refusal.status == 401:
                return await self._authorize(holding, refusal, challenge)
            return challenge.error == "insufficient_scope" and await self._step_up(holding, refusal, challenge)

    @asynccontextmanager
    async def _alone(self, holding: Holding) -> AsyncIterator[None]:
        """Let one request after the other in; what fails for one has failed for all that waited: a user who says no is
        not asked again at once."""
        failures = holding.failures
        async with holding.lock:
            if holding.failures != failures:
                raise AuthorizationFailed(holding.reason)
            try:
                yield
            except AuthorizationFailed as error:
                holding.failures += 1
                holding.reason = str(error)
                raise

    def noted(self, url: str, headers: Mapping[str, str]) -> None:
        """See `Authorizer.noted`: the nonce that the next proof has to name."""
        nonce = headers.get("dpop-nonce")
        for holding in self._holdings.values() if nonce is not None else ():
            if holding.proofs is not None:
                holding.proofs.note(url, nonce)

    def forget(self, server: str) -> None:
        """Forget the tokens for a server."""
        self._holding(server).forget()

    # What it takes ------------------------------------------------------------------------------

    async def _authorize(self, holding: Holding, refusal: Refusal, challenge: Challenge) -> bool:
        tokens = holding.tokens
        again = holding.origin if tokens is not None and refusal.attempt else None
        if again == "grant":
            return False  # what the user has just agreed to is refused: asking him again will not help
        found = await self._discover(holding, challenge, refusal.sent)
        same = tokens is not None and tokens.issuer == found.server.issuer and tokens.resource == found.resource
        former = tokens.requested if tokens is not None and same else ()
        scopes = union(former, challenge.scopes or ()) if former else selected(challenge.scopes, found.scopes_supported)
        venue = await self._venue(holding, found, scopes, challenge)
        if same and holding.refreshable and again != "refresh" and set(scopes) == set(former):
            try:
                await self._refresh(holding, venue)
            except TokenRefused as error:
                holding.forget()
                if error.error == "invalid_client":
                    forget(venue)
            else:
                return True
        await self._obtain(holding, venue)
        return True

    async def _step_up(self, holding: Holding, refusal: Refusal, challenge: Challenge) -> bool:
        """Ask for what has been asked for before and what is missing; where that is nothing new, no more is to be had.

        Each round adds a scope, and `Refusal.attempt` bounds the rounds of one request.
        """
        tokens = holding.tokens
        former = tokens.requested if tokens is not None else ()
        found = await self._discover(holding, challenge, refusal.sent)
        scopes = union(former, selected(challenge.scopes, found.scopes_supported))
        if tokens is not None and set(scopes) == set(former):
            return False
        await self._obtain(holding, await self._venue(holding, found, scopes, challenge))
        return True

    async def _discover(self, holding: Holding, challenge: Challenge, sent: Mapping[str, str]) -> Discovered:
        """Look everything up anew: a server may have moved to another authorization server."""
        # Tokens go nowhere without TLS: that is made sure of before there are any.
        require_secure(holding.server, "the server's address")
        fetcher = await self._fetcher(holding)
        # Before the handshake and in the first revision no request names a version; those for metadata do all the same.
        headers = {PROTOCOL_VERSION: sent.get(PROTOCOL_VERSION, LATEST_LEGACY.name)}
        known = (holding.tokens.issuer,) if holding.tokens is not None else ()
        preferred = (*self._grant.issuers, *known)
        return await discover(fetcher, holding.server, challenge.resource_metadata, preferred, headers)

    async def _fetcher(self, holding: Holding) -> Fetches:
        return await self._fetching(urlsplit(holding.server).hostname or "")

    async def _venue(self, holding: Holding, found: Discovered, scopes: tuple[str, ...], challenge: Challenge) -> Venue:
        binds = found.bound_tokens or challenge.scheme == "dpop"
        offered = found.server.dpop_signing_alg_values_supported
        if binds and offered is not None and DPOP_ALGORITHM not in offered:
            raise AuthorizationFailed(f"{found.server.issuer} binds no tokens by {DPOP_ALGORITHM}")
        proofs = (holding.proofs or ProofKey()) if binds else None
        return Venue(found.resource, found.server, scopes, await self._fetcher(holding), self._store, proofs)

    async def _obtain(self, holding: Holding, venue: Venue) -> None:
        holding.keep(venue, await self._grant.obtain(venue))

    async def _refresh(self, holding: Holding, venue: Venue) -> None:
        """Renew the tokens without a user. Raises `TokenRefused`, also where nobody can say whose they are."""
        tokens, identity = holding.tokens, self._grant.identity(venue)
        if tokens is None or tokens.refresh_token is None or identity is None:
            raise TokenRefused(venue.issuer, "invalid_grant")
        fields = {"grant_type": "refresh_token", "refresh_token": tokens.refresh_token}

        async def exchange() -> None:
            holding.keep(venue, await venue.token(identity, fields), refreshed=tokens)

        # Sent once, a refresh token may be good for nothing any more: what comes in its place must not get lost.
        await finished(exchange())

    async def _renew(self, holding: Holding) -> None:
        """Renew an expired token, unless its server has moved to another authorization server."""
        assert holding.tokens is not None
        scheme = "dpop" if holding.tokens.bound else "bearer"
        try:
            found = await self._discover(holding, Challenge(scheme), {})
            if (found.server.issuer, found.resource) == (holding.tokens.issuer, holding.tokens.resource):
                venue = await self._venue(holding, found, holding.tokens.requested, Challenge(scheme))
                await self._refresh(holding, venue)
        except TokenRefused:
            holding.forget()
