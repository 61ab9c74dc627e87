"""All that stands in a scenario of authorization: the protected server and its authorization servers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from conformance.clients.authorization.exchange import NOT_FOUND
from conformance.clients.authorization.guard import Guard
from conformance.clients.authorization.issuer import AuthorizationServer
from conformance.clients.authorization.terms import Terms
from conformance.clients.reply import HttpRequest, RawReply

__all__ = ["FIRST", "PAGE", "SEALED", "SECOND", "Town"]

FIRST, SECOND, SEALED = "first", "second", "sealed"
"""The origins beside that of the protected server: two authorization servers, and a token endpoint of the first behind
a certificate that nobody trusts."""

PAGE = "/touchstone/page"
"""Where our browser tells what the client has shown to the user."""


class Town:
    """The servers of one scenario. `origin` is the protected server's, `origins` are the others by name."""

    def __init__(self, terms: Terms, origin: str, origins: Mapping[str, str]) -> None:
        home = origin if terms.early else origins[FIRST]
        self.first = AuthorizationServer(FIRST, home, terms.issuer, origins.get(SEALED, ""))
        self.second = AuthorizationServer(SECOND, origins.get(SECOND, ""), replace(terms.issuer, sealed=False))
        self.guard = Guard(origin, terms, (self.first, self.second))
        self._servers = {FIRST: self.first, SECOND: self.second, SEALED: self.first}

    def take(self, asked: HttpRequest) -> RawReply | None:
        """Answer a request; None: it goes to the endpoint, and is let in."""
        if not asked.listener:
            return self.guard.take(asked)
        if asked.path == PAGE:
            return RawReply(204)
        server = self._servers.get(asked.listener)
        return NOT_FOUND if server is None else server.take(asked)
