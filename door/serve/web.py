"""`touchstone serve web`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from door.serve.listening import ServingOptions, need, serve

__all__ = ["web"]

_HOST = "HOST[:PORT]"


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Whom the server may reach beside the public web, and how much a page may cost."""

    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar=_HOST, help="Reach this host though its address is not public."),
    ] = None
    allow_network: Annotated[
        list[str] | None,
        typer.Option("--allow-network", metavar="CIDR", help="Reach these addresses though they are not public."),
    ] = None
    only_host: Annotated[
        list[str] | None,
        typer.Option("--only-host", metavar=_HOST, help="Reach no others; .example.org covers all below it."),
    ] = None
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, max=600, help="Time for one page.")] = 20.0
    megabytes: Annotated[float, typer.Option("--megabytes", min=0.01, max=100, help="Size of one page.")] = 5.0
    cache_seconds: Annotated[
        float, typer.Option("--cache-seconds", min=0, help="How long to keep pages that do not say it.")
    ] = 300.0


def web(options: WebOptions, serving: ServingOptions) -> int:
    """Read web pages: as Markdown, links, tables, metadata, sitemaps, crawls. Obeys robots.txt, reaches the public
    web alone."""
    need("httptools")
    from reference_impl.servers.web import Limits, WebSettings, make_server

    settings = WebSettings(
        tuple(options.allow_host or ()),
        tuple(options.allow_network or ()),
        tuple(options.only_host or ()),
        limits=Limits(
            most_bytes=int(options.megabytes * 1024 * 1024),
            most_seconds=options.seconds,
            cache_seconds=options.cache_seconds,
        ),
    )
    return serve(lambda: make_server(settings), serving)
