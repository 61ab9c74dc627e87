"""A call becomes a request: every argument in its place, scheme, host and the fixed parts of the path untouched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reference_impl.server.errors import ToolError
from reference_impl.servers.gateway import serialising
from reference_impl.servers.gateway.arguments import split
from reference_impl.servers.gateway.bodies import written
from reference_impl.servers.gateway.credentials import Applied
from reference_impl.servers.gateway.exchange import UpstreamRequest
from reference_impl.servers.gateway.operations import Operation, Parameter
from reference_impl.servers.gateway.origins import Base

__all__ = ["Endpoint", "Prepared", "finished", "prepare"]

_LONGEST_URL = 8_000
_VARIABLE = re.compile(r"\{([^{}/]+)\}")
_DOTS = re.compile("(?:[.]|%2e){1,2}", re.IGNORECASE)
_AGENT = "touchstone-gateway"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an operation's calls go, and what its arguments mean. `taken` are the names, by place, that credentials
    have and no argument may have; `accept` is what it can answer."""

    operation: Operation
    base: Base
    named: Mapping[str, Parameter]
    body_schema: Mapping[str, Any]
    taken: Mapping[str, frozenset[str]]
    accept: str


@dataclass(slots=True)
class Prepared:
    """A request but for its credentials."""

    path: dict[str, str] = field(default_factory=dict)
    query: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None


def prepare(endpoint: Endpoint, arguments: Mapping[str, Any]) -> Prepared:
    """Put the arguments in their places. Raises `ToolError` for what would leave them."""
    prepared = Prepared(headers={"accept": endpoint.accept, "user-agent": _AGENT})
    given = split(endpoint.named, arguments)
    for parameter, value in given.parameters:
        _place(endpoint, prepared, parameter, value)
    if given.body is not ... and endpoint.operation.body is not None:
        prepared.body, kind = written(endpoint.operation.body, given.body, endpoint.body_schema)
        prepared.headers["content-type"] = kind
    return prepared


def _place(endpoint: Endpoint, prepared: Prepared, parameter: Parameter, value: Any) -> None:
    if parameter.content:
        value = serialising.as_json(value)
    match parameter.place:
        case "path":
            prepared.path[parameter.name] = serialising.path_part(parameter, value)
        case "query":
            pairs = serialising.query_pairs(parameter, value)
            _check_names(endpoint, parameter, [name for name, _ in pairs])
            prepared.query += pairs
        case "header":
            prepared.headers[parameter.name.lower()] = serialising.header(parameter, value)
        case "cookie":
            pairs = serialising.cookie(parameter, value)
            _check_names(endpoint, parameter, [name for name, _ in pairs])
            prepared.cookies += pairs


def _check_names(endpoint: Endpoint, parameter: Parameter, names: list[str]) -> None:
    """Refuse names out of an exploded object that belong to another parameter or to the credentials."""
    own = serialising.query_name(parameter.name)
    others = {
        serialising.query_name(item.name).lower()
        for item in endpoint.named.values()
        if item.place == parameter.place and item is not parameter
    } | {serialising.query_name(name) for name in endpoint.taken[parameter.place]}
    for name in names:
        if name != own and name.lower() in others:
            raise ToolError(f"{parameter.name} must not have a member {name}: that is another parameter")


def finished(endpoint: Endpoint, prepared: Prepared, applied: Applied) -> UpstreamRequest:
    """Return the request with its credentials. Raises `ToolError` for a URL that grew too long, or another path."""
    operation, base = endpoint.operation, endpoint.base
    path = _VARIABLE.sub(lambda found: prepared.path.get(found[1], ""), operation.path)
    if any(_DOTS.fullmatch(segment) for segment in path.split("/")):
        raise ToolError(f"{operation.label}: the path would name something else")
    pairs = [*prepared.query, *((serialising.query_name(name), value) for name, value in applied.query.items())]
    query = "&".join(f"{name}={value}" for name, value in pairs)
    url = f"{base}{path}?{query}" if query else f"{base}{path}"
    if len(url) > _LONGEST_URL:
        raise ToolError(f"{operation.label}: the arguments make a URL of more than {_LONGEST_URL} characters")
    headers = {**prepared.headers, **{name.lower(): value for name, value in applied.headers.items()}}
    cookies = [*prepared.cookies, *applied.cookies.items()]
    if cookies:
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies)
    return UpstreamRequest(operation.method, url, base.origin, operation.label, headers, prepared.body)
