"""Tools that look at a whole site: its rules, its sitemaps, its pages."""

from __future__ import annotations

from typing import Any

from reference_impl.server import AdvancedMCPServer, Context
from reference_impl.servers.web import shapes
from reference_impl.servers.web.crawling import Bounds, crawl
from reference_impl.servers.web.fetching import Web
from reference_impl.servers.web.shapes import NOTICE, READS_THE_WEB, UNTRUSTED, page_of
from reference_impl.servers.web.sitemaps import read_sitemaps
from reference_impl.servers.web.urls import WebUrl

__all__ = ["register"]

_LONGEST_MESSAGE = 300


def register(server: AdvancedMCPServer, web: Web) -> None:
    """Add the tools of this module."""
    for add in (_add_robots, _add_sitemap, _add_crawl):
        add(server, web)


def _add_robots(server: AdvancedMCPServer, web: Web) -> None:
    @server.tool(
        "check_robots",
        "Tells whether a site's robots.txt lets this server fetch a URL, how fast, and which sitemaps it names.",
        shapes.ONE_PAGE,
        title="Check robots.txt",
        annotations=READS_THE_WEB,
        outputSchema=shapes.ROBOTS,
    )
    async def check_robots(url: str) -> dict[str, Any]:
        address = WebUrl.of(url)
        site = await web.rules(address)
        delay = site.rules.crawl_delay
        return {
            "notice": NOTICE,
            "url": str(address),
            "allowed": await web.read(site.rules.allows, address.target),
            "agent": web.settings.agent,
            "state": site.state,
            **({"reason": site.reason} if site.reason else {}),
            **({} if delay is None else {"crawlDelay": delay}),
            "sitemaps": list(site.rules.sitemaps),
        }


def _add_sitemap(server: AdvancedMCPServer, web: Web) -> None:
    @server.tool(
        "read_sitemap",
        "Returns the pages that a site lists in its sitemaps, which robots.txt names or which lie at /sitemap.xml. "
        "Indexes are followed; pages of other hosts are left out." + UNTRUSTED,
        shapes.SITEMAP_OF,
        title="Read sitemap",
        annotations=READS_THE_WEB,
        outputSchema=shapes.SITEMAP,
    )
    async def read_sitemap(context: Context, url: str, start: int = 0, count: int = 500) -> dict[str, Any]:
        def tell(read: int, at: str) -> None:
            context.progress(read, message=f"Read {at}"[:_LONGEST_MESSAGE])

        listing = await read_sitemaps(web, url, tell)
        every = [{"url": at, **({"lastModified": when} if when else {})} for at, when in listing.pages]
        part, rest = page_of(every, int(start), int(count))
        failed = [{"url": at, "reason": reason} for at, reason in listing.failed.items()]
        found = {"pages": part, "files": listing.files, "failed": failed}
        return {"notice": NOTICE, **found, **rest, "truncated": listing.cut}


def _add_crawl(server: AdvancedMCPServer, web: Web) -> None:
    limits = web.settings.limits

    @server.tool(
        "crawl_site",
        "Follows the links of a site from a page on, breadth first and on the same host alone, and returns "
        "the address, title and beginning of each page. Reports progress; obeys robots.txt and its crawl delay."
        + UNTRUSTED,
        shapes.crawled_from(limits.most_crawled, limits.most_crawl_seconds),
        title="Crawl site",
        annotations=READS_THE_WEB,
        outputSchema=shapes.CRAWLED,
    )
    async def crawl_site(
        context: Context, url: str, pages: int = 10, depth: int = 2, seconds: float = 30
    ) -> dict[str, Any]:
        longest = min(float(seconds), limits.most_crawl_seconds)
        bounds = Bounds(min(int(pages), limits.most_crawled), int(depth), longest, limits.crawl_delay)

        def tell(count: int, at: str) -> None:
            context.progress(count, bounds.pages, f"Read {at}"[:_LONGEST_MESSAGE])

        done = await crawl(web, url, bounds, tell)
        found = {"pages": done.pages, "skipped": done.skipped, "ended": done.ended, "waiting": done.waiting}
        return {"notice": NOTICE, **found}
