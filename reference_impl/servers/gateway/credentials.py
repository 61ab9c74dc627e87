"""Credentials for the upstream: which security schemes a document has, which variables of the environment they are read
from, and what they put on a request.

They are the gateway's own. Nothing of the client's request comes here: neither its token nor any header.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, unquote_plus

from reference_impl.server.errors import SetupError, ToolError
from reference_impl.servers.gateway.document import Document, DocumentError
from reference_impl.servers.gateway.operations import Requirement, plain_name

__all__ = ["Applied", "Credentials", "Scheme", "Taker", "credentials_of"]

_PREFIX = "TOUCHSTONE_GATEWAY_"
_SAFE = {"query": "", "cookie": "!#$%&'()*+/:<=>?@[]^_`{|}~"}
"""Place to the characters that a value keeps there; a header keeps all (RFC 6265, 4.1.1)."""
_CONTROL = re.compile(r"[^\x20-\x7e]")

Taker = Callable[["Scheme", tuple[str, ...], bool], Awaitable[str]]
"""Takes a scheme of OAuth client credentials, scopes, and whether the token held so far was refused; returns one."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One security scheme and what the environment holds for it.

    `place` is `header`, `query` or `cookie` with `key` as its name; `kind` is `key`, `bearer`, `basic` or `client`
    (OAuth client credentials: then `secret` is the client's id and secret, each encoded, and a colon between).
    `secret` is None where the environment has none.
    """

    name: str
    kind: str
    place: str
    key: str
    variables: tuple[str, ...]
    secret: str | None = field(default=None, repr=False)
    token_url: str | None = None

    @property
    def secrets(self) -> Iterator[str]:
        """Everything that must not be seen."""
        if self.secret is None:
            return
        yield self.secret
        if self.kind in ("basic", "client"):
            password = self.secret.partition(":")[2]
            yield from (password, unquote_plus(password), base64.b64encode(self.secret.encode()).decode())


@dataclass(frozen=True, slots=True)
class Applied:
    """What credentials add to a request, already encoded for their places."""

    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Credentials:
    """All schemes of a document that can be used; `unused` are those that cannot, and why; `without` are those that
    the operator said need nothing."""

    schemes: Mapping[str, Scheme]
    unused: Mapping[str, str]
    without: frozenset[str]

    def choose(self, ways: Sequence[Requirement]) -> Requirement:
        """Return the first way in of which every credential is there. Raises `ToolError` if there is none."""
        for way in ways:
            if all(name in self.without or self._has(name) for name in way):
                return {name: scopes for name, scopes in way.items() if name not in self.without}
        if not ways:
            return {}
        missing = [" and ".join(self._wanted(name) for name in way if not self._has(name)) for way in ways]
        raise ToolError(f"This operation needs credentials that the gateway has not: {', or '.join(missing)}")

    def _has(self, name: str) -> bool:
        return name in self.schemes and self.schemes[name].secret is not None

    def _wanted(self, name: str) -> str:
        if name in self.schemes:
            return f"{' and '.join(self.schemes[name].variables[-2:])} for {name}"
        return f"{name}, {self.unused.get(name, 'which the document does not describe')}"

    async def applied(self, way: Requirement, take: Taker, *, anew: bool = False) -> Applied:
        """Return what a way in adds to a request; `take` gets tokens, `anew` after one was refused."""
        places: dict[str, dict[str, str]] = {"header": {}, "query": {}, "cookie": {}}
        for name, scopes in way.items():
            scheme = self.schemes[name]
            assert scheme.secret is not None
            match scheme.kind:
                case "basic":
                    value = f"Basic {base64.b64encode(scheme.secret.encode()).decode()}"
                case "bearer":
                    value = f"Bearer {scheme.secret}"
                case "client":
                    value = f"Bearer {await take(scheme, scopes, anew)}"
                case _:
                    value = scheme.secret
            safe = _SAFE.get(scheme.place)
            places[scheme.place][scheme.key] = value if safe is None else quote(value, safe=safe)
        return Applied(places["header"], places["query"], places["cookie"])

    def uses(self, place: str) -> frozenset[str]:
        """Return the names that credentials have in a place, as `plain_name` has them: no argument may have them."""
        return frozenset(plain_name(place, scheme.key) for scheme in self.schemes.values() if scheme.place == place)

    def refreshable(self, way: Requirement) -> bool:
        """Tell whether another token can be had for this way in."""
        return any(self.schemes[name].kind == "client" for name in way)

    def lines(self) -> Iterator[str]:
        """Yield what the operator is told of each scheme."""
        for name, scheme in self.schemes.items():
            if name in self.without:
                yield f"security scheme {name}: nothing is sent, as --auth says"
                continue
            state = "set" if scheme.secret is not None else "not set"
            yield f"security scheme {name} ({scheme.kind}) reads {' or '.join(_choices(scheme))}: {state}"
        for name, reason in self.unused.items():
            yield f"security scheme {name}: {reason}"


def _choices(scheme: Scheme) -> list[str]:
    first, *client = scheme.variables
    return [first, " and ".join(client)] if client else [first]


def credentials_of(document: Document, auth: Mapping[str, str], environ: Mapping[str, str]) -> Credentials:
    """Read the schemes of a document, and their secrets from the environment. Raises `SetupError` for an `--auth` that
    fits no scheme, and for a secret that HTTP cannot carry."""
    components = document.value.get("components")
    described = components.get("securitySchemes") if isinstance(components, dict) else None
    schemes: dict[str, Scheme] = {}
    unused: dict[str, str] = {}
    for name, node in (described if isinstance(described, dict) else {}).items():
        try:
            schemes[name] = _scheme(name, document.resolved(node, "the scheme"), auth, environ)
        except (DocumentError, TypeError, AttributeError) as error:
            unused[name] = f"cannot be used: {error}"
    for name in auth:
        if name not in schemes:
            raise SetupError(f"--auth {name}: the document has {', '.join(schemes) or 'no scheme'} to choose from")
    without = frozenset(name for name, value in auth.items() if value == "none")
    return Credentials(schemes, unused, without)


def _scheme(name: str, node: dict[str, Any], auth: Mapping[str, str], environ: Mapping[str, str]) -> Scheme:
    variable = _variable(name, auth.get(name))
    match node.get("type"), str(node.get("scheme", "")).lower():
        case "apiKey", _:
            kind, place, key = "key", str(node.get("in")), str(node.get("name"))
        case "http", "basic":
            kind, place, key = "basic", "header", "authorization"
        case ("http", "bearer") | ("oauth2" | "openIdConnect", _):
            kind, place, key = "bearer", "header", "authorization"
        case other, scheme:
            raise DocumentError(f"{other} {scheme} is not supported".replace("  ", " "))
    if place not in ("header", "query", "cookie") or not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~\[\]-]+", key):
        raise DocumentError(f"it has no name or place that HTTP knows: {place} {key!r}")
    variables: tuple[str, ...] = (variable,)
    secret = environ.get(variable) or None
    token_url = _token_url(node)
    if token_url is not None:
        client = (f"{variable}_CLIENT_ID", f"{variable}_CLIENT_SECRET")
        variables += client
        found = [environ.get(one) for one in client]
        if secret is None and all(found):
            # As HTTP Basic wants them (RFC 6749, 2.3.1).
            kind, secret = "client", ":".join(quote_plus(str(one)) for one in found)
    _check_secret(kind, secret, variable)
    return Scheme(name, kind, place, key, variables, secret, token_url)


def _variable(name: str, said: str | None) -> str:
    if said is None or said == "none":
        return _PREFIX + re.sub(r"[^A-Z0-9]", "_", name.upper())
    if not said.startswith("env:") or not said[4:]:
        raise SetupError(f"--auth {name} takes env:NAME, the variable that holds the secret, or none")
    return said[4:]


def _token_url(node: dict[str, Any]) -> str | None:
    flow = (node.get("flows") or {}).get("clientCredentials") if node.get("type") == "oauth2" else None
    url = flow.get("tokenUrl") if flow else None
    return url if isinstance(url, str) else None


def _check_secret(kind: str, secret: str | None, variable: str) -> None:
    if secret is None:
        return
    if _CONTROL.search(secret) or secret != secret.strip():
        raise SetupError(f"{variable} holds what HTTP cannot carry: line ends, spaces around, or letters beyond ASCII")
    if kind == "basic" and ":" not in secret:
        raise SetupError(f"{variable} must be user:password")
