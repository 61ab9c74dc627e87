"""`touchstone serve gateway`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from door.errors import Refusal
from door.serve.listening import ServingOptions, need, serve
from door.terminal import complain

if TYPE_CHECKING:
    from reference_impl.servers.gateway import GatewaySettings

__all__ = ["gateway"]

_DOCUMENT = "The OpenAPI document: a file or a URL, JSON or YAML. Without it, a small sample API."
_CHOICE = "tag:NAME, method:NAME or id:GLOB; may be repeated."


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """Which API, which of its operations, and where calls go."""

    document: Annotated[str | None, typer.Argument(metavar="OPENAPI", help=_DOCUMENT, show_default=False)] = None
    server: Annotated[
        str | None, typer.Option("--server", metavar="URL", help="Where calls go, instead of the document's server.")
    ] = None
    server_variable: Annotated[
        list[str] | None,
        typer.Option("--server-variable", metavar="NAME=VALUE", help="Fills in a variable of the server's URL."),
    ] = None
    include: Annotated[
        list[str] | None, typer.Option("--include", metavar="CHOICE", help=f"Offer these operations alone: {_CHOICE}")
    ] = None
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="CHOICE", help=f"Leave these operations out: {_CHOICE}")
    ] = None
    write: Annotated[
        bool | None,
        typer.Option(
            "--write/--read-only",
            help="Offer what changes something, too, or GET and HEAD alone (the default, but for the sample).",
            show_default=False,
        ),
    ] = None
    output_schemas: Annotated[
        bool,
        typer.Option("--output-schemas/--no-output-schemas", help="Promise, and check, what the document promises."),
    ] = True


@dataclass(frozen=True, slots=True)
class UpstreamOptions:
    """How the API lets the gateway in, and what a call may cost."""

    auth: Annotated[
        list[str] | None,
        typer.Option(
            "--auth",
            metavar="SCHEME=env:NAME",
            help="The variable that holds the secret of a security scheme; SCHEME=none sends nothing.",
        ),
    ] = None
    allow_origin: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", metavar="URL", help="A further origin that calls and credentials may go to."),
    ] = None
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds for a call, with all attempts.")] = 30.0
    attempts: Annotated[
        int, typer.Option("--attempts", min=1, max=10, help="How often a call is made that may be repeated.")
    ] = 3
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, help="Calls side by side.")] = 10
    max_answer: Annotated[int, typer.Option("--max-answer", min=1, help="Bytes of an answer.")] = 4 * 1024 * 1024
    max_tools: Annotated[int, typer.Option("--max-tools", min=1, help="Operations to offer at the most.")] = 200


def gateway(api: ApiOptions, upstream: UpstreamOptions, serving: ServingOptions) -> int:
    """The operations of an HTTP API, each as a tool."""
    need("aiohttp")
    from reference_impl.servers.gateway import make_server

    settings = _settings(api, upstream)
    return serve(lambda: make_server(settings, tell=complain), serving)


def _settings(api: ApiOptions, upstream: UpstreamOptions) -> GatewaySettings:
    from reference_impl.servers.gateway import GatewaySettings, Limits

    return GatewaySettings(
        document=api.document,
        server=api.server,
        variables=_pairs(api.server_variable, "--server-variable takes NAME=VALUE"),
        include=tuple(api.include or ()),
        exclude=tuple(api.exclude or ()),
        write=api.write,
        auth=_pairs(upstream.auth, "--auth takes SCHEME=env:NAME or SCHEME=none"),
        allow_origins=tuple(upstream.allow_origin or ()),
        output_schemas=api.output_schemas,
        limits=Limits(
            timeout=upstream.timeout,
            attempts=upstream.attempts,
            concurrency=upstream.concurrency,
            largest_answer=upstream.max_answer,
            most_tools=upstream.max_tools,
        ),
    )


def _pairs(texts: Sequence[str] | None, usage: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts or ():
        name, found, value = text.partition("=")
        if not found or not name:
            raise Refusal(usage)
        pairs[name] = value
    return pairs
