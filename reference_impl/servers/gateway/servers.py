"""Where calls may go: the servers of a document, as far as the operator trusts it.

A document on disk is the operator's own word. One from a URL speaks for its own origin alone: whoever can change it
must not be able to turn calls, and the credentials on them, towards a host of his choice.
"""

from __future__ import annotations

import re
from typing import Any

from reference_impl.server.errors import SetupError
from reference_impl.servers.gateway.document import Document, DocumentError
from reference_impl.servers.gateway.operations import Operation
from reference_impl.servers.gateway.origins import Base, base_of, joined, origin_of
from reference_impl.servers.gateway.settings import GatewaySettings

__all__ = ["Servers"]

_VARIABLE = re.compile(r"\{([^{}]+)\}")


class Servers:
    """Knows `base`, where calls go, and the origins that operations of their own server may name."""

    def __init__(self, document: Document, settings: GatewaySettings) -> None:
        self._address = document.address
        self._given = dict(settings.variables)
        self._used: set[str] = set()
        self._fixed = settings.server is not None
        self._allowed = {base_of(url, "--allow-origin").origin for url in settings.allow_origins}
        if document.address is not None:
            self._allowed |= {origin for origin in [origin_of(document.address)] if origin}
        self.base = self._first(document, settings)
        self._allowed.add(self.base.origin)
        unknown = sorted(self._given.keys() - self._used)
        if unknown:
            raise SetupError(f"--server-variable {unknown[0]}: no server URL has a variable of this name")

    def allows(self, origin: str) -> bool:
        """Tell whether calls, and credentials, may go to an origin."""
        return origin in self._allowed

    def of(self, operation: Operation) -> Base:
        """Return where an operation's calls go. Raises `DocumentError` for an origin that nobody named."""
        if self._fixed or not operation.servers:
            return self.base
        try:
            base = base_of(self._written(operation.servers[0]))
        except SetupError as error:
            raise DocumentError(str(error)) from None
        if not self.allows(base.origin):
            raise DocumentError(f"it has a server of its own: say --allow-origin {base.origin}, or --server")
        return base

    def _first(self, document: Document, settings: GatewaySettings) -> Base:
        if settings.server is not None:
            return base_of(settings.server, "--server")
        servers = document.value.get("servers")
        url = self._written(servers[0]) if isinstance(servers, list) and servers else self._absolute("/")
        base = base_of(url)
        if document.address is not None and not self.allows(base.origin):
            raise SetupError(
                f"the document at {origin_of(document.address)} sends calls to {base.origin}: "
                f"say --server {base}, if you trust it"
            )
        return base

    def _written(self, server: Any) -> str:
        """Return a server's URL with its variables filled in (OpenAPI 3, Server Object). Raises `SetupError`."""
        url = server.get("url") if isinstance(server, dict) else None
        if not isinstance(url, str):
            raise SetupError("a server of the document has no url: say --server URL")
        variables = server.get("variables")
        known = variables if isinstance(variables, dict) else {}
        return self._absolute(_VARIABLE.sub(lambda found: self._value(found[1], known.get(found[1])), url))

    def _value(self, name: str, variable: Any) -> str:
        described = variable if isinstance(variable, dict) else {}
        self._used.add(name)
        value = self._given.get(name, described.get("default"))
        if value is None:
            raise SetupError(f"the server URL has the variable {name}: say --server-variable {name}=VALUE")
        choices = described.get("enum")
        if isinstance(choices, list) and choices and value not in choices:
            raise SetupError(f"--server-variable {name} must be one of {', '.join(map(str, choices))}")
        return str(value)

    def _absolute(self, url: str) -> str:
        if self._address is not None:
            return joined(self._address, url)
        if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", url):
            raise SetupError(f"the document names no host (its server is {url!r}): say --server URL")
        return url
