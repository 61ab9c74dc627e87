"""Fetching a page: the site's rules first, then request after request along its redirects, within one deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

from reference_impl.servers.web.bodies import decoded, media_type
from reference_impl.servers.web.cache import PageCache
from reference_impl.servers.web.errors import FetchError, Refused
from reference_impl.servers.web.exchange import Answer, Asker, Wanted, led
from reference_impl.servers.web.pace import Pace
from reference_impl.servers.web.reach import Reach
from reference_impl.servers.web.robots import Rules
from reference_impl.servers.web.rulebook import Rulebook, SiteRules
from reference_impl.servers.web.settings import Outside, WebSettings
from reference_impl.servers.web.urls import WebUrl

__all__ = ["Page", "Turns", "Web"]

_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,text/*;q=0.8,application/json;q=0.8,*/*;q=0.1"
_TEXTS = frozenset({"application/json", "application/xml", "application/javascript", "application/x-ndjson"})
_PACKED = frozenset({"application/gzip", "application/x-gzip"})
_SNIFFED = 512
_MOST_READERS = 3
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Turns:
    """How far apart the requests to a host are, in seconds, unless it wants more; and how long to wait for that in
    all."""

    apart: float
    patience: float


@dataclass(frozen=True, slots=True)
class Page:
    """What was fetched. `url` is where it was found in the end, `redirects` counts the steps to there; `body` is cut
    short if `cut`; `kept` says that it comes from the cache."""

    url: WebUrl
    kind: str
    charset: str | None
    body: bytes
    cut: bool
    redirects: int
    headers: Mapping[str, str]
    kept: bool = False

    @property
    def is_html(self) -> bool:
        """Whether it is a page with links and headings."""
        return self.kind in ("text/html", "application/xhtml+xml")

    def text(self) -> str:
        """The body as text; takes a while where it is long."""
        return decoded(self.body, self.charset)


class Web:
    """The web as one server sees it. Raises `SetupError` for settings that make no sense."""

    def __init__(self, settings: WebSettings, outside: Outside) -> None:
        self.settings = settings
        self.outside = outside
        self._reach = Reach(settings)
        self._asker = Asker(self._reach, outside, settings.agent)
        self._pace = Pace(settings.limits, outside)
        self._readers = asyncio.Semaphore(_MOST_READERS)
        self._kept: PageCache[Page] = PageCache(settings.limits, outside.clock)
        self._rulebook = Rulebook(self._hop, settings, outside.clock)

    @property
    def agent(self) -> str:
        """The name under which everything is fetched."""
        return self._asker.agent

    async def fetch(self, url: str, *, packed: bool = False, turns: Turns | None = None) -> Page:
        """Return the page at a URL. `packed` takes compressed files too (sitemaps are).

        It takes the usual time at the most, not counting what the site wants between requests; `turns` says how long
        to wait for that, if it is not as long again. Raises `Refused`, `NotYet` and `FetchError`.
        """
        address = WebUrl.of(url)
        limit = self.settings.limits.most_seconds
        try:
            async with asyncio.timeout(limit) as deadline:
                return await self._fetched(address, packed, turns or Turns(0.0, limit), deadline)
        except TimeoutError:
            raise FetchError(f"{address.origin.authority} took longer than {limit:g} s") from None

    async def read(self, function: Callable[..., Item], *arguments: Any, **named: Any) -> Item:
        """Return what a function makes of a page, in a thread of its own; a few run at a time, as long pages take
        long."""
        async with self._readers:
            return await asyncio.to_thread(function, *arguments, **named)

    async def rules(self, url: WebUrl) -> SiteRules:
        """Return what a site's robots.txt says. Raises `Refused` for a host that must not be reached."""
        self._reach.check(url)
        limit = self.settings.limits.most_seconds
        try:
            async with asyncio.timeout(limit):
                return await self._rulebook.of(url)
        except TimeoutError:
            raise FetchError(f"{url.origin.authority} took longer than {limit:g} s") from None

    async def _fetched(self, url: WebUrl, packed: bool, turns: Turns, deadline: asyncio.Timeout) -> Page:
        self._reach.check(url)
        rules = await self._rulebook.admit(url)
        kept = self._kept.get(str(url))
        if kept is not None and (packed or kept.kind not in _PACKED):
            return kept
        wanted = Wanted(_ACCEPT, self.settings.limits.most_bytes, _judge_packed if packed else _judge)
        start, steps = url, 0
        while True:
            turns = await self._wait(url, rules, turns, deadline)
            answer = await self._hop(url, wanted)
            if answer.location is None:
                break
            steps += 1
            if steps > self.settings.limits.most_redirects:
                raise FetchError(f"{start.origin.authority} redirects more than {steps - 1} times, perhaps in a circle")
            url = led(url, answer.location)
            self._reach.check(url)
            rules = await self._rulebook.admit(url)
        page = _page(url, answer, steps)
        self._kept.put(str(start), _as_kept(page), len(page.body), page.headers)
        return page

    async def _wait(self, url: WebUrl, rules: Rules, turns: Turns, deadline: asyncio.Timeout) -> Turns:
        """Wait for a host's next turn, which is no time of the fetch; return what patience is left."""
        wait = self._pace.reserve(url, max(rules.crawl_delay or 0.0, turns.apart), turns.patience)
        if wait > 0:
            deadline.reschedule((deadline.when() or 0.0) + wait)
            await self.outside.sleep(wait)
        return Turns(turns.apart, turns.patience - wait)

    async def _hop(self, url: WebUrl, wanted: Wanted) -> Answer:
        async with self._pace.turn(url):
            return await self._asker.ask(url, wanted)


def _page(url: WebUrl, answer: Answer, steps: int) -> Page:
    """Make a page of the last answer. Raises `FetchError` for any but a good one."""
    if not 200 <= answer.status < 300:
        raise FetchError(f"{url.origin.authority} answered {_status(answer)}")
    kind, charset = media_type(answer.headers.get("content-type", ""))
    return Page(url, kind or _sniffed(answer.body), charset, answer.body, answer.cut, steps, answer.headers)


def _as_kept(page: Page) -> Page:
    return Page(page.url, page.kind, page.charset, page.body, page.cut, page.redirects, {}, kept=True)


def _status(answer: Answer) -> str:
    """Return a status in words, and when to come again if that is said."""
    later = answer.headers.get("retry-after", "")[:6]
    when = f": try again in {int(later)} s" if later.isascii() and later.isdigit() else ""
    try:
        return f"{answer.status} {HTTPStatus(answer.status).phrase}{when}"
    except ValueError:
        return f"{answer.status}{when}"


def _judge(field: str) -> None:
    """Refuse what is no text, before any of it is read."""
    kind, _ = media_type(field)
    if kind and not (kind.startswith("text/") or kind in _TEXTS or kind.endswith(("+xml", "+json"))):
        raise Refused(f"the answer is {kind}, and only text is read here")


def _judge_packed(field: str) -> None:
    if media_type(field)[0] not in _PACKED:
        _judge(field)


def _sniffed(body: bytes) -> str:
    """Return what an answer is that does not say so. Raises `Refused` for what is no text."""
    start = body[:_SNIFFED]
    if b"\0" in start and not start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused("the answer does not say what it is, and is no text")
    return "text/html" if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else "text/plain"
