"""A document becomes a plan: which tools there are, where their calls go, with which credentials, and what was left
out. Everything that can be wrong with a setup is found here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from reference_impl.schemas import SchemaError, compile_schema
from reference_impl.server.errors import SetupError
from reference_impl.servers.gateway import describing, selecting
from reference_impl.servers.gateway.arguments import BODY, input_schema, named_arguments
from reference_impl.servers.gateway.credentials import Credentials, credentials_of
from reference_impl.servers.gateway.document import Document, DocumentError
from reference_impl.servers.gateway.operations import LeftOut, Operation, operations, plain_name
from reference_impl.servers.gateway.origins import Base, base_of
from reference_impl.servers.gateway.requests import Endpoint
from reference_impl.servers.gateway.schemas import Schema
from reference_impl.servers.gateway.servers import Servers
from reference_impl.servers.gateway.settings import GatewaySettings
from reference_impl.servers.gateway.texts import cleaned
from reference_impl.transports.addresses import is_loopback

__all__ = ["Plan", "PlannedTool", "plan"]


@dataclass(frozen=True, slots=True)
class PlannedTool:
    """One tool: its name, where its calls go, and its schemas."""

    name: str
    endpoint: Endpoint
    input: Schema
    output: Schema | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a gateway is made of."""

    document: Document
    title: str
    about: str
    base: Base
    tools: tuple[PlannedTool, ...]
    left_out: tuple[LeftOut, ...]
    credentials: Credentials

    def lines(self) -> Iterator[str]:
        """Yield what the operator is told at the start: no secret among it."""
        count = len(self.tools)
        yield f"gateway to {self.title}: {count} tool{'s' if count != 1 else ''}, calls go to {self.base}"
        others = {str(tool.endpoint.base) for tool in self.tools} - {str(self.base)}
        yield from (f"some calls go to {other}" for other in sorted(others))
        yield from self.credentials.lines()
        secret = any(scheme.secret is not None for scheme in self.credentials.schemes.values())
        if secret and self.base.origin.startswith("http://") and not is_loopback(urlsplit(self.base.origin).hostname):
            yield "credentials travel unencrypted: the server URL is http"
        yield from (f"left out: {item.label}: {item.reason}" for item in self.left_out)


def plan(document: Document, settings: GatewaySettings, *, write: bool) -> Plan:
    """Plan a gateway. Raises `SetupError`."""
    servers = Servers(document, settings)
    credentials = _kept_home(credentials_of(document, settings.auth, settings.environ), servers)
    usable, left_out = selecting.without(operations(document))
    if not usable and left_out:
        raise _nothing(document, left_out)
    tools: list[PlannedTool] = []
    for name, operation in selecting.named(selecting.selected(usable, settings, write=write)):
        try:
            tools.append(_tool(document, name, operation, servers, credentials, settings))
        except (DocumentError, SchemaError) as error:
            left_out.append(LeftOut(operation.label, str(error)))
        except (TypeError, AttributeError, KeyError):
            left_out.append(LeftOut(operation.label, "it is not written as OpenAPI asks"))
    if not tools:
        raise _nothing(document, left_out)
    info = document.value.get("info")
    said: dict[str, Any] = info if isinstance(info, dict) else {}
    title = " ".join(cleaned(said.get("title"), 100).split()) or "an API without a title"
    about = cleaned(said.get("description"), 500)
    return Plan(document, title, about, servers.base, tuple(tools), tuple(left_out), credentials)


def _nothing(document: Document, left_out: Sequence[LeftOut]) -> SetupError:
    first = left_out[0]
    return SetupError(f"no operation of {document.name} can be offered: {first.label}: {first.reason}")


def _kept_home(credentials: Credentials, servers: Servers) -> Credentials:
    """Take out the client credentials whose tokens come from an origin that nobody named."""
    schemes, unused = dict(credentials.schemes), dict(credentials.unused)
    for name, scheme in credentials.schemes.items():
        if scheme.kind != "client" or scheme.token_url is None:
            continue
        origin = base_of(scheme.token_url.partition("?")[0], f"the token URL of {name}").origin
        if not servers.allows(origin):
            unused[name] = f"its tokens come from {origin}: say --allow-origin {origin} to send the secret there"
            del schemes[name]
    return Credentials(schemes, unused, credentials.without)


def _tool(
    document: Document,
    name: str,
    operation: Operation,
    servers: Servers,
    credentials: Credentials,
    settings: GatewaySettings,
) -> PlannedTool:
    taken = {place: credentials.uses(place) for place in ("query", "header", "cookie")}
    free = [item for item in operation.parameters if plain_name(item.place, item.name) not in taken.get(item.place, ())]
    named = named_arguments(free)
    schema = _compiled(input_schema(document, operation, named))
    output = describing.output_schema(document, operation) if settings.output_schemas else None
    body = schema["properties"].get(BODY, {}) if operation.body is not None else {}
    accept = describing.accepted(operation)
    endpoint = Endpoint(operation, servers.of(operation), named, body, taken, accept)
    return PlannedTool(name, endpoint, schema, _usable(output))


def _compiled(schema: Schema) -> Schema:
    """Return a schema that values can be judged by. A pattern that only JavaScript understands is dropped: the upstream
    judges as well. Raises `SchemaError`."""
    try:
        compile_schema(schema)
    except SchemaError:
        plain: Schema = _without_patterns(schema)
        compile_schema(plain)
        return plain
    return schema


def _without_patterns(node: Any, *, names: bool = False) -> Any:
    """Return a schema without `pattern`; `names` says that the keys here are names of members, not keywords."""
    if isinstance(node, list):
        return [_without_patterns(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _without_patterns(item, names=not names and key in ("properties", "$defs"))
        for key, item in node.items()
        if names or key not in ("pattern", "patternProperties")
    }


def _usable(output: Schema | None) -> Schema | None:
    """Return an output schema that answers can be judged by, or none."""
    if output is None:
        return None
    try:
        compile_schema(output)
    except SchemaError:
        return None
    return output
