"""Pages as resources, and what this server reaches and obeys."""

from __future__ import annotations

from dataclasses import asdict

from reference_impl.protocol.messages import encode_json
from reference_impl.server import AdvancedMCPServer, ResourceNotFoundError
from reference_impl.servers.web.errors import Refused
from reference_impl.servers.web.fetching import Web
from reference_impl.servers.web.inline import escaped
from reference_impl.servers.web.reading import markdown_of
from reference_impl.servers.web.shapes import NOTICE, UNTRUSTED
from reference_impl.servers.web.urls import WebUrl

__all__ = ["TEMPLATE", "read_page", "register"]

TEMPLATE = "web://page/{url}"
_LONGEST = 200_000
"""Characters of a page that is read as a resource; `fetch_page` returns longer ones in parts."""


async def read_page(web: Web, url: str) -> str:
    """Return a page as Markdown, after lines that say where it is from and how to treat it."""
    page = await web.fetch(url)
    title, markdown, _ = await web.read(markdown_of, page, main=True)
    lines = [f"> {NOTICE}", ">", f"> Source: {page.url}", *([f"> Title: {escaped(title)}"] if title else [])]
    rest = ["", "> It goes on: `fetch_page` returns long pages in parts."] if len(markdown) > _LONGEST else []
    return "\n".join([*lines, "", markdown[:_LONGEST], *rest])


def register(server: AdvancedMCPServer, web: Web) -> None:
    """Add the resources of this module."""
    _add_page(server, web)
    _add_policy(server, web)


def _add_page(server: AdvancedMCPServer, web: Web) -> None:
    @server.resource(
        TEMPLATE,
        "page",
        "A web page as Markdown; its URL stands in the place of the variable, percent-encoded." + UNTRUSTED,
        title="Web page",
        mimeType="text/markdown",
    )
    async def page(url: str) -> str:
        try:
            WebUrl.of(url)
        except Refused:
            raise ResourceNotFoundError(url) from None
        return await read_page(web, url)


def _add_policy(server: AdvancedMCPServer, web: Web) -> None:
    @server.resource(
        "web://policy",
        "policy",
        "What this server fetches and what not: its name, its limits, the hosts it is confined to.",
        title="Fetching policy",
        mimeType="application/json",
    )
    async def policy() -> str:
        settings = web.settings
        said = {
            "userAgent": web.agent,
            "robotsTxt": "obeyed",
            "onlyHosts": list(settings.only_hosts),
            "limits": asdict(settings.limits),
        }
        return encode_json(said).decode()
