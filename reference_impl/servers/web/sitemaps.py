"""Sitemaps (sitemaps.org): which pages a site lists, through its indexes, within bounds."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from reference_impl.servers.web.bodies import Unpacking
from reference_impl.servers.web.errors import FetchError, Refused
from reference_impl.servers.web.fetching import Page, Web
from reference_impl.servers.web.links import same_site
from reference_impl.servers.web.tokens import Close, Open, Text, tokens
from reference_impl.servers.web.urls import WebUrl

__all__ = ["Listing", "read_sitemaps"]

_MOST_FILES = 20
_MOST_TIMES = 3
"""How many times as long as one page the files of a site may take."""
_MOST_LISTED = 50_000
"""What one file may list by the protocol."""


@dataclass(slots=True)
class Listing:
    """What a site lists: `pages` are pairs of a URL and the day of its last change, if it is said. `files` were read,
    `failed` could not be; `cut` says that there was more."""

    pages: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    cut: bool = False


async def read_sitemaps(web: Web, url: str, tell: Callable[[int, str], None]) -> Listing:
    """Return what a site lists; `tell` hears of each file. `url` is a sitemap, or any other page of the site, whose
    robots.txt then names the sitemaps, or it lies at the usual place.

    Files and pages of other hosts are passed over. Raises `Refused` for a site that must not be reached, and
    `FetchError` where no sitemap could be read.
    """
    start = WebUrl.of(url)
    pending = deque(await _starts(web, start))
    listing, seen = Listing(), set(pending)
    ends = web.outside.clock() + _MOST_TIMES * web.settings.limits.most_seconds
    while pending:
        if len(listing.files) + len(listing.failed) >= _MOST_FILES or web.outside.clock() >= ends:
            listing.cut = True
            break
        file = pending.popleft()
        try:
            inner = await _take(web, file, start, listing)
        except FetchError as error:
            listing.failed[file] = str(error)
            continue
        tell(len(listing.files), file)
        new = [address for address in dict.fromkeys(inner) if address not in seen]
        seen.update(new)
        pending += new
    if not listing.files:
        raise FetchError(f"no sitemap of {start.site} could be read: {'; '.join(listing.failed.values())[:500]}")
    listing.pages = list(dict(reversed(listing.pages)).items())[::-1]
    return listing


async def _take(web: Web, file: str, site: WebUrl, listing: Listing) -> list[str]:
    """Add what a file lists; return the files that it names. Raises `FetchError`."""
    page = await web.fetch(file, packed=True)
    inner, pages, cut = await web.read(_read, page, site, web.settings.limits.most_bytes)
    listing.files.append(file)
    listing.pages += pages[: _MOST_LISTED - len(listing.pages)]
    listing.cut = listing.cut or cut or len(listing.pages) >= _MOST_LISTED
    return inner


async def _starts(web: Web, url: WebUrl) -> list[str]:
    """Return where to begin."""
    if url.path.endswith((".xml", ".xml.gz", ".txt")) and url.path != "/robots.txt":
        return [str(url)]
    site = await web.rules(url)
    named = [address for address in site.rules.sitemaps if same_site(address, url)]
    return [str(WebUrl.of(address)) for address in dict.fromkeys(named)] or [f"{url.site}/sitemap.xml"]


def _read(page: Page, site: WebUrl, most: int) -> tuple[list[str], list[tuple[str, str]], bool]:
    """Return the sitemaps and the pages of a site that a file lists, and whether it was cut. Raises `FetchError`."""
    text, cut = _text(page, most)
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        sitemaps, pages = _entries(text)
    else:
        sitemaps, pages = [], [(_address(line.strip()), "") for line in text.splitlines()[:_MOST_LISTED]]
    inner = [address for address in sitemaps if same_site(address, site)]
    return inner, [row for row in pages if same_site(row[0], site)], cut


def _text(page: Page, most: int) -> tuple[str, bool]:
    """Return a file's text, unpacked within a bound, and whether it was cut. Raises `FetchError`."""
    if page.body.startswith(b"\x1f\x8b"):
        unpacking = Unpacking("gzip", most)
        unpacking.feed(page.body)
        return unpacking.finish().decode("utf-8", "replace"), page.cut or unpacking.full
    if page.is_html:
        raise FetchError(f"{page.url} is a page and no sitemap")
    return page.text(), page.cut


def _entries(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Read XML as if it were HTML: no entity is ever expanded, no file read, and broken files still say something."""
    sitemaps: list[str] = []
    pages: list[tuple[str, str]] = []
    entry: dict[str, str] = {}
    member = ""
    for token in tokens(text):
        match token:
            case Open(name):
                member = name
                entry = {} if member in ("url", "sitemap") else entry
            case Text(value) if member in ("loc", "lastmod"):
                entry[member] = entry.get(member, "") + value.strip()
            case Close(name):
                member = ""
                if name == "url" and entry.get("loc"):
                    pages.append((_address(entry["loc"]), entry.get("lastmod", "")[:40]))
                elif name == "sitemap" and entry.get("loc"):
                    sitemaps.append(_address(entry["loc"]))
        if len(pages) + len(sitemaps) > _MOST_LISTED:
            break
    return sitemaps, pages


def _address(text: str) -> str:
    """Return an address in its normal form, or an empty string for what is none."""
    try:
        return str(WebUrl.of(text))
    except Refused:
        return ""
