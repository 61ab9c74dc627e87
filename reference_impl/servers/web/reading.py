"""What a fetched page says: as Markdown, links and tables. All of it may take a while, and runs in threads."""

from __future__ import annotations

from typing import Any

from reference_impl.servers.web.errors import FetchError
from reference_impl.servers.web.fetching import Page
from reference_impl.servers.web.links import links, same_site
from reference_impl.servers.web.markdown import fenced, to_markdown
from reference_impl.servers.web.metadata import metadata, title_of
from reference_impl.servers.web.tables import Table, is_layout, read_table
from reference_impl.servers.web.tokens import without_invisible
from reference_impl.servers.web.tree import Tree, parse
from reference_impl.servers.web.visible import is_hidden

__all__ = ["links_of", "markdown_of", "metadata_of", "tables_of"]

Rows = list[dict[str, Any]]
_LANGUAGES = {"json": "json", "xml": "xml"}
_MOST_TABLES = 200


def markdown_of(page: Page, *, main: bool) -> tuple[str, str, bool]:
    """Return a page's title, its text as Markdown, and whether it was longer than was read."""
    if page.is_html:
        tree = parse(page.text())
        return title_of(tree), to_markdown(tree, str(page.url), main=main), page.cut or tree.cut
    text = without_invisible(page.text()).replace("\r\n", "\n")
    if page.kind in ("text/plain", "text/markdown"):
        return "", text, page.cut
    subtype = page.kind.rpartition("/")[2].rpartition("+")[2]
    return "", fenced(text, _LANGUAGES.get(subtype, "")), page.cut


def links_of(page: Page, *, own: bool) -> tuple[Rows, bool]:
    """Return a page's links, or its `own` alone: those to the same host; and whether it was longer than was read.
    Raises `FetchError` for what is no page."""
    tree = _tree(page)
    found = links(tree, str(page.url))
    return [link for link in found if not own or same_site(link["url"], page.url)], page.cut or tree.cut


def tables_of(page: Page, most_rows: int) -> tuple[Rows, bool]:
    """Return the tables of a page that hold data, and whether it was longer than was read. Raises `FetchError` for
    what is no page."""
    tree = _tree(page)
    found: Rows = []
    pending = [tree.root]
    while pending and len(found) < _MOST_TABLES:
        element = pending.pop()
        if is_hidden(element):
            continue
        if element.name == "table" and not is_layout(element):
            found.append(_as_json(read_table(element), most_rows))
        else:
            pending += [child for child in reversed(element.children) if not isinstance(child, str)]
    return found, page.cut or tree.cut or bool(pending)


def metadata_of(page: Page) -> dict[str, Any]:
    """Return what a page says about itself. Raises `FetchError` for what is no page."""
    return metadata(_tree(page), str(page.url))


def _tree(page: Page) -> Tree:
    if not page.is_html:
        raise FetchError(f"{page.url} is {page.kind} and no web page: fetch_page returns its text")
    return parse(page.text())


def _as_json(table: Table, most: int) -> dict[str, Any]:
    head = table.rows[0] if table.headings else []
    rows = table.rows[table.headings :]
    more = table.cut or len(rows) > most
    return {"caption": table.caption, "headings": head, "rows": rows[:most], "moreRows": more}
