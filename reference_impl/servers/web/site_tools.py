"""Tools that look at a whole site: its rules, its sitemaps, its pages."""

from __future__ import annotations

from typing import Any

from reference_impl.server import AdvancedMCPServer, Context
from reference_impl.servers.web.crawling import Bounds, crawl
from reference_impl.servers.web.fetching import Web
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
from reference_impl.servers.web.sitemaps import read_sitemaps
from reference_impl.servers.web.urls import WebUrl

__all__ = ["register"]


def register(server: AdvancedMCPServer, web: Web) -> None:
    """Add the tools of this module."""
    for add in (_add_robots, _add_sitemap, _add_crawl):
        add(server, web)


def _add_robots(server: AdvancedMCPServer, web: Web) -> None:
    found = {
        "url": member("string", "The URL in question, in its normal form"),
        "allowed": member("boolean", "Whether this server may fetch it"),
        "agent": member("string", "The name by which robots.txt files address this server"),
        "state": member(
            "string",
            "Whether the site has a robots.txt; where it cannot be reached, nothing may be fetched",
            enum=["found", "absent", "unreachable"],
        ),
        "reason": member("string", "Why there is none"),
        "crawlDelay": member("number", "Seconds that the site wants between requests"),
        "sitemaps": listed({"type": "string"}, "The sitemaps that it names"),
        "notice": PAGED["notice"],
    }

    @server.tool(
        "check_robots",
        "Tells whether a site's robots.txt lets this server fetch a URL, how fast, and which sitemaps it names.",
        obj({"url": URL}, "url"),
        title="Check robots.txt",
        annotations=READS_THE_WEB,
        outputSchema=obj(found, "url", "allowed", "agent", "state", "sitemaps", "notice"),
    )
    async def check_robots(url: str) -> dict[str, Any]:
        address = WebUrl.of(url)
        site = await web.rules(address)
        delay, reason = site.rules.crawl_delay, site.reason
        return {
            "notice": NOTICE,
            "url": str(address),
            "allowed": site.rules.allows(address.target),
            "agent": web.settings.agent,
            "state": site.state,
            **({"reason": reason} if reason else {}),
            **({"crawlDelay": delay} if delay else {}),
            "sitemaps": list(site.rules.sitemaps),
        }


def _add_sitemap(server: AdvancedMCPServer, web: Web) -> None:
    given = {
        "url": URL | {"description": "A page of the site, or a sitemap of it"},
        "start": START,
        "count": member("integer", "How many pages at the most", minimum=1, maximum=5000, default=500),
    }
    page = obj({"url": {"type": "string"}, "lastModified": member("string", "When it changed last")}, "url")
    failed = obj({"url": {"type": "string"}, "reason": {"type": "string"}}, "url", "reason")
    found = {
        "pages": listed(page, "The pages that the site lists"),
        "files": listed({"type": "string"}, "The sitemaps that were read"),
        "failed": listed(failed, "Sitemaps that could not be read"),
        **PAGED,
    }

    @server.tool(
        "read_sitemap",
        "Returns the pages that a site lists in its sitemaps, which robots.txt names or which lie at /sitemap.xml. "
        "Indexes are followed; pages of other hosts are left out." + UNTRUSTED,
        obj(given, "url"),
        title="Read sitemap",
        annotations=READS_THE_WEB,
        outputSchema=obj(found, "pages", "files", "total", "notice"),
    )
    async def read_sitemap(context: Context, url: str, start: int = 0, count: int = 500) -> dict[str, Any]:
        listing = await read_sitemaps(web, url, lambda read, at: context.progress(read, message=f"Read {at}"[:300]))
        every = [{"url": at, **({"lastModified": when} if when else {})} for at, when in listing.pages]
        part, rest = page_of(every, int(start), int(count))
        failed = [{"url": at, "reason": reason} for at, reason in listing.failed.items()]
        return {
            "notice": NOTICE,
            "pages": part,
            "files": listing.files,
            "failed": failed,
            **rest,
            "truncated": listing.cut,
        }


def _add_crawl(server: AdvancedMCPServer, web: Web) -> None:
    limits = web.settings.limits
    given = {
        "url": URL | {"description": "Where to begin"},
        "pages": member("integer", "How many pages at the most", minimum=1, maximum=limits.most_crawled, default=10),
        "depth": member("integer", "How many links from the first page", minimum=0, maximum=10, default=2),
        "seconds": member(
            "number",
            "How long at the most",
            exclusiveMinimum=0,
            maximum=limits.most_crawl_seconds,
            default=min(30, limits.most_crawl_seconds),
        ),
    }
    page = obj(
        {
            "url": {"type": "string"},
            "title": {"type": "string"},
            "depth": member("integer", "Links from the first page"),
            "sample": member("string", "How its text begins"),
        },
        "url",
        "title",
        "depth",
        "sample",
    )
    skipped = obj({"url": {"type": "string"}, "reason": {"type": "string"}}, "url", "reason")
    found = {
        "pages": listed(page, "The pages, in the order in which they were found"),
        "skipped": listed(skipped, "Links that led nowhere, and why"),
        "ended": member("string", "Why it ended", enum=["done", "pages", "time"]),
        "waiting": member("integer", "Links that were found and not followed"),
        "notice": PAGED["notice"],
    }

    @server.tool(
        "crawl_site",
        "Follows the links of a site from a page on, breadth first and on the same host alone, and returns "
        "the address, title and beginning of each page. Reports progress; obeys robots.txt and its crawl delay."
        + UNTRUSTED,
        obj(given, "url"),
        title="Crawl site",
        annotations=READS_THE_WEB,
        outputSchema=obj(found, "pages", "skipped", "ended", "waiting", "notice"),
    )
    async def crawl_site(
        context: Context, url: str, pages: int = 10, depth: int = 2, seconds: float = 30
    ) -> dict[str, Any]:
        bounds = Bounds(int(pages), int(depth), min(float(seconds), limits.most_crawl_seconds), limits.crawl_delay)

        def tell(count: int, at: str) -> None:
            context.progress(count, bounds.pages, f"Read {at}"[:300])

        done = await crawl(web, url, bounds, tell)
        return {
            "notice": NOTICE,
            "pages": done.pages,
            "skipped": done.skipped,
            "ended": done.ended,
            "waiting": done.waiting,
        }
