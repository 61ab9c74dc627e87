"""Crawling one site: from page to page along its links, breadth first, within bounds and at the pace that it wants."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reference_impl.servers.web.errors import FetchError, NotYet
from reference_impl.servers.web.fetching import Page, Turns, Web
from reference_impl.servers.web.links import links, same_site
from reference_impl.servers.web.metadata import follows_links, title_of
from reference_impl.servers.web.tree import parse
from reference_impl.servers.web.urls import WebUrl
from reference_impl.servers.web.visible import visible_text

__all__ = ["Bounds", "Crawl", "crawl"]

_MOST_WAITING = 5000
_MOST_SKIPPED = 50
_SAMPLE = 300
_NO_PAGES = (
    *(".pdf", ".zip", ".gz", ".exe", ".css", ".js", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ico"),
    *(".mp3", ".mp4", ".webm", ".woff", ".woff2"),
)
"""Ends of paths that are no pages."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far to go: pages, links from the first page, seconds in all, and seconds between requests."""

    pages: int
    depth: int
    seconds: float
    delay: float


@dataclass(slots=True)
class Crawl:
    """What was found. `skipped` are links that led nowhere, the first of them, each with a `reason`; `ended` says why
    it ended: `done`, `pages`, `time`; `waiting` is the number of links not followed by then."""

    pages: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, str]] = field(default_factory=list)
    ended: str = "done"
    waiting: int = 0

    def skip(self, url: str, reason: str) -> None:
        """Note what could not be had."""
        if len(self.skipped) < _MOST_SKIPPED:
            self.skipped.append({"url": url, "reason": reason})


async def crawl(web: Web, url: str, bounds: Bounds, tell: Callable[[int, str], None]) -> Crawl:
    """Return the pages of one site, as far as `bounds` reach; `tell` hears of each. Raises `Refused` and `FetchError`
    for the first page; of the others, the failures are noted."""
    start = WebUrl.of(url)
    walk = _Walk(web, start, bounds)
    while walk.waiting and walk.goes_on():
        address, depth = walk.waiting.popleft()
        try:
            page = await walk.fetch(address)
        except FetchError as error:
            if address == str(start):
                raise
            if isinstance(error, NotYet):
                walk.waiting.appendleft((address, depth))
                walk.found.ended = "time"
                break
            walk.found.skip(address, str(error))
            continue
        if page is not None:
            await walk.take(page, depth)
            tell(len(walk.found.pages), str(page.url))
    walk.found.waiting = len(walk.waiting)
    return walk.found


class _Walk:
    """Where a crawl stands."""

    def __init__(self, web: Web, start: WebUrl, bounds: Bounds) -> None:
        self._web, self._start, self._bounds = web, start, bounds
        self._ends = web.outside.clock() + bounds.seconds
        self._seen = {str(start)}
        self._taken: set[str] = set()
        self.waiting: deque[tuple[str, int]] = deque([(str(start), 0)])
        self.found = Crawl()

    def goes_on(self) -> bool:
        """Tell whether the bounds leave room for one more page."""
        if len(self.found.pages) >= self._bounds.pages:
            self.found.ended = "pages"
        elif self._web.outside.clock() >= self._ends:
            self.found.ended = "time"
        return self.found.ended == "done"

    async def fetch(self, address: str) -> Page | None:
        """Return the page at an address, or None if it is of another site or here already."""
        turns = Turns(self._bounds.delay, self._ends - self._web.outside.clock())
        page = await self._web.fetch(address, turns=turns)
        if not self._taken:
            self._start = page.url  # many sites send whoever comes from one name to another
        if not same_site(str(page.url), self._start) or str(page.url) in self._taken:
            self.found.skip(address, "it leads to another site, or to a page that is here already")
            return None
        self._taken.add(str(page.url))
        return page

    async def take(self, page: Page, depth: int) -> None:
        """Keep a page, and what its links lead to."""
        row, onward = await self._web.read(_read, page, self._start)
        self.found.pages.append({**row, "depth": depth})
        if depth >= self._bounds.depth:
            return
        for link in onward:
            if link not in self._seen and len(self.waiting) < _MOST_WAITING:
                self._seen.add(link)
                self.waiting.append((link, depth + 1))


def _read(page: Page, site: WebUrl) -> tuple[dict[str, Any], list[str]]:
    """Return what is told of a page, and where its links on the same site lead."""
    if not page.is_html:
        return {"url": str(page.url), "title": "", "sample": ""}, []
    tree = parse(page.text())
    row = {"url": str(page.url), "title": title_of(tree), "sample": visible_text(tree.root, inner=True)[:_SAMPLE]}
    if not follows_links(tree):
        return row, []
    onward = [link["url"] for link in links(tree, str(page.url)) if "nofollow" not in link.get("rel", ())]
    pages = [link for link in onward if not WebUrl.of(link).path.lower().endswith(_NO_PAGES)]
    return row, [link for link in pages if same_site(link, site)]
