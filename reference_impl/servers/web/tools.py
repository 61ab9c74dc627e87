"""Tools that read one page: its text, links, tables and metadata."""

from __future__ import annotations

from typing import Any

from reference_impl.server import AdvancedMCPServer
from reference_impl.servers.web import shapes
from reference_impl.servers.web.fetching import Web
from reference_impl.servers.web.reading import links_of, markdown_of, metadata_of, tables_of
from reference_impl.servers.web.shapes import NOTICE, READS_THE_WEB, UNTRUSTED, page_of

__all__ = ["register"]


def register(server: AdvancedMCPServer, web: Web) -> None:
    """Add the tools of this module."""
    for add in (_add_fetch, _add_links, _add_tables, _add_metadata):
        add(server, web)


def _add_fetch(server: AdvancedMCPServer, web: Web) -> None:
    @server.tool(
        "fetch_page",
        "Fetches a web page and returns its content as Markdown: headings, text, links, lists, tables, code. Long "
        "pages come in parts. JSON, XML and plain text are returned as they are." + UNTRUSTED,
        shapes.PART_OF_PAGE,
        title="Fetch page",
        annotations=READS_THE_WEB,
        outputSchema=shapes.PAGE,
    )
    async def fetch_page(
        url: str, start: int = 0, length: int = shapes.USUAL_LENGTH, main: bool = True
    ) -> dict[str, Any]:
        page = await web.fetch(url)
        title, markdown, cut = await web.read(markdown_of, page, main=main)
        return {
            "notice": NOTICE,
            "url": str(page.url),
            "title": title,
            "contentType": page.kind,
            "redirects": page.redirects,
            "cached": page.kept,
            **_part(markdown, int(start), int(length)),
            "truncated": cut,
        }


def _part(text: str, start: int, length: int) -> dict[str, Any]:
    """Return a part of a text that ends with a line, where one ends in its last quarter, and what tells of the rest."""
    part = text[start : start + length]
    end = part.rfind("\n", length * 3 // 4) if start + length < len(text) else -1
    part = part if end < 0 else part[: end + 1]
    rest = {"next": start + len(part)} if part and start + len(part) < len(text) else {}
    return {"markdown": part, "total": len(text), **rest}


def _add_links(server: AdvancedMCPServer, web: Web) -> None:
    @server.tool(
        "extract_links",
        "Returns the links of a web page, absolute and each once, with their text." + UNTRUSTED,
        shapes.LINKS_OF,
        title="Extract links",
        annotations=READS_THE_WEB,
        outputSchema=shapes.LINKS,
    )
    async def extract_links(url: str, same_site: bool = False, start: int = 0, count: int = 200) -> dict[str, Any]:
        page = await web.fetch(url)
        found, cut = await web.read(links_of, page, own=same_site)
        part, rest = page_of(found, int(start), int(count))
        return {"notice": NOTICE, "url": str(page.url), "links": part, **rest, "truncated": cut}


def _add_tables(server: AdvancedMCPServer, web: Web) -> None:
    @server.tool(
        "extract_tables",
        "Returns the data tables of a web page as rows of texts. Tables that only arrange a page are left out."
        + UNTRUSTED,
        shapes.TABLES_OF,
        title="Extract tables",
        annotations=READS_THE_WEB,
        outputSchema=shapes.TABLES,
    )
    async def extract_tables(url: str, start: int = 0, count: int = 10, rows: int = 200) -> dict[str, Any]:
        page = await web.fetch(url)
        found, cut = await web.read(tables_of, page, int(rows))
        part, rest = page_of(found, int(start), int(count))
        return {"notice": NOTICE, "url": str(page.url), "tables": part, **rest, "truncated": cut}


def _add_metadata(server: AdvancedMCPServer, web: Web) -> None:
    @server.tool(
        "extract_metadata",
        "Returns what a web page says about itself: title, description, language, canonical address, Open Graph, "
        "JSON-LD, feeds." + UNTRUSTED,
        shapes.ONE_PAGE,
        title="Extract metadata",
        annotations=READS_THE_WEB,
        outputSchema=shapes.METADATA,
    )
    async def extract_metadata(url: str) -> dict[str, Any]:
        page = await web.fetch(url)
        said = await web.read(metadata_of, page)
        return {"notice": NOTICE, "url": str(page.url), "contentType": page.kind, **said}
