"""Tools that read one page: its text, links, tables and metadata."""

from __future__ import annotations

from typing import Any

from reference_impl.server import AdvancedMCPServer
from reference_impl.servers.web.errors import FetchError
from reference_impl.servers.web.fetching import Page, Web
from reference_impl.servers.web.links import links, same_site
from reference_impl.servers.web.markdown import fenced, to_markdown
from reference_impl.servers.web.metadata import metadata, title_of
from reference_impl.servers.web.shapes import (
    NOTICE,
    PAGED,
    READS_THE_WEB,
    START,
    UNTRUSTED,
    URL,
    listed,
    member,
    obj,
    page_of,
)
from reference_impl.servers.web.tables import is_layout, read_table
from reference_impl.servers.web.tokens import without_invisible
from reference_impl.servers.web.tree import parse
from reference_impl.servers.web.visible import is_hidden

__all__ = ["as_markdown", "register"]

_USUAL_LENGTH, _MOST_LENGTH = 20_000, 200_000
_LANGUAGES = {"json": "json", "xml": "xml"}
_MOST_TABLES = 200
_FOUND_AT = member("string", "Where the page was found in the end, after redirects")


def register(server: AdvancedMCPServer, web: Web) -> None:
    """Add the tools of this module."""
    for add in (_add_fetch, _add_links, _add_tables, _add_metadata):
        add(server, web)


def as_markdown(page: Page, *, main: bool) -> tuple[str, str, bool]:
    """Return a page's title, its text as Markdown, and whether it was longer than was read. Takes a while."""
    if page.is_html:
        tree = parse(page.text())
        return title_of(tree), to_markdown(tree, str(page.url), main=main), page.cut or tree.cut
    text = without_invisible(page.text()).replace("\r\n", "\n")
    if page.kind in ("text/plain", "text/markdown"):
        return "", text, page.cut
    subtype = page.kind.rpartition("/")[2].rpartition("+")[2]
    return "", fenced(text, _LANGUAGES.get(subtype, "")), page.cut


def _add_fetch(server: AdvancedMCPServer, web: Web) -> None:
    given = {
        "url": URL,
        "start": START | {"description": "The character to begin at; `next` of an earlier result goes on from there"},
        "length": member(
            "integer", "How many characters at the most", minimum=1, maximum=_MOST_LENGTH, default=_USUAL_LENGTH
        ),
        "main": member("boolean", "Leave out menus, banners and forms", default=True),
    }
    found = {
        "url": _FOUND_AT,
        "title": member("string", "The page's title"),
        "contentType": member("string", "The media type of what was fetched"),
        "redirects": member("integer", "How many redirects led there"),
        "cached": member("boolean", "Whether an earlier fetch was used"),
        "markdown": member("string", "The page as Markdown, or a part of it"),
        **PAGED,
        "total": member("integer", "How many characters the whole has"),
    }

    @server.tool(
        "fetch_page",
        "Fetches a web page and returns its content as Markdown: headings, text, links, lists, tables, code. Long "
        "pages come in parts. JSON, XML and plain text are returned as they are." + UNTRUSTED,
        obj(given, "url"),
        title="Fetch page",
        annotations=READS_THE_WEB,
        outputSchema=obj(found, "url", "markdown", "total", "notice"),
    )
    async def fetch_page(url: str, start: int = 0, length: int = _USUAL_LENGTH, main: bool = True) -> dict[str, Any]:
        page = await web.fetch(url)
        title, markdown, cut = await web.read(as_markdown, page, main=main)
        first = int(start)
        part = _part(markdown, first, int(length))
        rest = {"next": first + len(part)} if part and first + len(part) < len(markdown) else {}
        return {
            "notice": NOTICE,
            "url": str(page.url),
            "title": title,
            "contentType": page.kind,
            "redirects": page.redirects,
            "cached": page.kept,
            "markdown": part,
            "total": len(markdown),
            **rest,
            "truncated": cut,
        }


def _part(text: str, start: int, length: int) -> str:
    """Return a part of a text that ends with a line, where one ends in its last quarter."""
    part = text[start : start + length]
    if start + length >= len(text):
        return part
    end = part.rfind("\n", length * 3 // 4)
    return part if end < 0 else part[: end + 1]


def _html(page: Page) -> Page:
    if not page.is_html:
        raise FetchError(f"{page.url} is {page.kind} and no web page: fetch_page returns its text")
    return page


def _add_links(server: AdvancedMCPServer, web: Web) -> None:
    given = {
        "url": URL,
        "same_site": member("boolean", "Only links to the page's own host", default=False),
        "start": START,
        "count": member("integer", "How many links at the most", minimum=1, maximum=1000, default=200),
    }
    link = obj(
        {
            "url": member("string", "Where it leads, absolute"),
            "text": member("string", "What it says"),
            "rel": listed({"type": "string"}, "How it is meant"),
        },
        "url",
        "text",
    )
    found = {"url": _FOUND_AT, "links": listed(link, "The links, in the order of the page"), **PAGED}

    @server.tool(
        "extract_links",
        "Returns the links of a web page, absolute and each once, with their text." + UNTRUSTED,
        obj(given, "url"),
        title="Extract links",
        annotations=READS_THE_WEB,
        outputSchema=obj(found, "url", "links", "total", "notice"),
    )
    async def extract_links(url: str, same_site: bool = False, start: int = 0, count: int = 200) -> dict[str, Any]:
        page = _html(await web.fetch(url))
        every = await web.read(_links, page, own=same_site)
        part, rest = page_of(every, int(start), int(count))
        return {"notice": NOTICE, "url": str(page.url), "links": part, **rest, "truncated": page.cut}


def _links(page: Page, *, own: bool) -> list[dict[str, Any]]:
    found = links(parse(page.text()), str(page.url))
    return [link for link in found if not own or same_site(link["url"], page.url)]


def _add_tables(server: AdvancedMCPServer, web: Web) -> None:
    given = {
        "url": URL,
        "start": START | {"description": "The table to begin with, from 0; `next` of an earlier result goes on"},
        "count": member("integer", "How many tables at the most", minimum=1, maximum=50, default=10),
        "rows": member("integer", "How many rows of each at the most", minimum=1, maximum=2000, default=200),
    }
    texts = {"type": "array", "items": {"type": "string"}}
    table = obj(
        {
            "caption": member("string", "Its caption"),
            "headings": listed({"type": "string"}, "The names of its columns, where it has a row of headings"),
            "rows": listed(texts, "Its rows, all of the same length; what spans several cells stands in each"),
            "moreRows": member("boolean", "Whether it has more rows"),
        },
        "headings",
        "rows",
    )
    found = {"url": _FOUND_AT, "tables": listed(table, "The tables, in the order of the page"), **PAGED}

    @server.tool(
        "extract_tables",
        "Returns the data tables of a web page as rows of texts. Tables that only arrange a page are left out."
        + UNTRUSTED,
        obj(given, "url"),
        title="Extract tables",
        annotations=READS_THE_WEB,
        outputSchema=obj(found, "url", "tables", "total", "notice"),
    )
    async def extract_tables(url: str, start: int = 0, count: int = 10, rows: int = 200) -> dict[str, Any]:
        page = _html(await web.fetch(url))
        every = await web.read(_tables, page, int(rows))
        part, rest = page_of(every, int(start), int(count))
        return {"notice": NOTICE, "url": str(page.url), "tables": part, **rest, "truncated": page.cut}


def _tables(page: Page, most: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    pending = [parse(page.text()).root]
    while pending and len(found) < _MOST_TABLES:
        element = pending.pop()
        if is_hidden(element):
            continue
        if element.name != "table" or is_layout(element):
            pending += [child for child in reversed(element.children) if not isinstance(child, str)]
            continue
        table = read_table(element)
        head = table.rows[0] if table.headings else []
        rows = table.rows[table.headings :]
        row = {"caption": table.caption, "headings": head, "rows": rows[:most]}
        found.append({**row, "moreRows": table.cut or len(rows) > most})
    return found


def _add_metadata(server: AdvancedMCPServer, web: Web) -> None:
    text = {"type": "string"}
    found = {
        "url": _FOUND_AT,
        "contentType": member("string", "The media type of what was fetched"),
        **dict.fromkeys(
            ("title", "description", "language", "author", "keywords", "robots", "generator", "date"), text
        ),
        "canonical": member("string", "Where the page says that it is at home"),
        "alternates": listed(obj({"language": text, "url": text}), "The page in other languages"),
        "feeds": listed(text, "Its feeds"),
        "openGraph": {"type": "object", "additionalProperties": text, "description": "Open Graph, without `og:`"},
        "jsonLd": listed({"type": ["object", "array"]}, "Structured data (JSON-LD)"),
        "notice": PAGED["notice"],
    }

    @server.tool(
        "extract_metadata",
        "Returns what a web page says about itself: title, description, language, canonical address, Open Graph, "
        "JSON-LD, feeds." + UNTRUSTED,
        obj({"url": URL}, "url"),
        title="Extract metadata",
        annotations=READS_THE_WEB,
        outputSchema=obj(found, "url", "notice"),
    )
    async def extract_metadata(url: str) -> dict[str, Any]:
        page = _html(await web.fetch(url))
        said = await web.read(lambda: metadata(parse(page.text()), str(page.url)))
        return {"notice": NOTICE, "url": str(page.url), "contentType": page.kind, **said}
