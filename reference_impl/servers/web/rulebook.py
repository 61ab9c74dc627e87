"""The rules of all sites that were asked: fetched before anything else is, kept for a while, fetched once for all who
wait for them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakValueDictionary

from reference_impl.servers.web.bodies import decoded
from reference_impl.servers.web.cache import lifetime
from reference_impl.servers.web.errors import FetchError, Refused
from reference_impl.servers.web.exchange import Answer, Wanted, led
from reference_impl.servers.web.robots import ALLOW_ALL, DISALLOW_ALL, MOST_BYTES, Rules, parse_robots
from reference_impl.servers.web.settings import WebSettings
from reference_impl.servers.web.urls import WebUrl

__all__ = ["Rulebook", "SiteRules"]

_USUAL, _LONGEST, _AFTER_FAILURE = 3600.0, 86_400.0, 60.0
"""Seconds for which rules are kept: where nothing is said, at the most (RFC 9309, 2.4), and where there were none."""
_MOST_SITES = 1000
_MOST_REDIRECTS = 5
_TOO_MANY_REQUESTS = 429
_WHOLE_SITE = "/robots.txt"


@dataclass(frozen=True, slots=True)
class SiteRules:
    """Rules and how they were come by: `found`, `absent` (everything is allowed) or `unreachable` (nothing is)."""

    rules: Rules
    state: str
    reason: str = ""
    expires: float = 0.0


class Rulebook:
    """Keeps rules by site. `hop` makes one request."""

    def __init__(
        self,
        hop: Callable[[WebUrl, Wanted], Awaitable[Answer]],
        settings: WebSettings,
        clock: Callable[[], float],
    ) -> None:
        self._hop = hop
        self._agent = settings.agent
        self._clock = clock
        self._kept: OrderedDict[str, SiteRules] = OrderedDict()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def admit(self, url: WebUrl) -> Rules:
        """Return the rules of a URL's site. Raises `Refused` where they forbid it, or cannot be known."""
        site = await self.of(url)
        if site.state == "unreachable":
            raise Refused(f"what {url.site}/robots.txt allows cannot be known, so nothing is fetched: {site.reason}")
        if not await asyncio.to_thread(site.rules.allows, url.target):  # a long file takes a while
            raise Refused(f"{url.site}/robots.txt does not allow {self._agent} to fetch {url.path}")
        return site.rules

    async def of(self, url: WebUrl) -> SiteRules:
        """Return the rules of a URL's site, fetched if need be. Raises `Refused` for a host that must not be
        reached."""
        lock = self._locks.get(url.site) or self._locks.setdefault(url.site, asyncio.Lock())
        async with lock:
            kept = self._kept.get(url.site)
            if kept is None or kept.expires <= self._clock():
                kept = self._kept[url.site] = await self._fetched(url)
            self._kept.move_to_end(url.site)
            if len(self._kept) > _MOST_SITES:
                self._kept.popitem(last=False)
            return kept

    async def _fetched(self, site: WebUrl) -> SiteRules:
        url = WebUrl(site.scheme, site.host, site.port, _WHOLE_SITE)
        wanted = Wanted("text/plain,*/*;q=0.1", MOST_BYTES)
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                answer = await self._hop(url, wanted)
                if answer.location is None:
                    return await self._read(answer)
                url = led(url, answer.location)
            except FetchError as error:
                if isinstance(error, Refused) and url.site == site.site:
                    raise
                return SiteRules(DISALLOW_ALL, "unreachable", str(error), self._clock() + _AFTER_FAILURE)
        return SiteRules(ALLOW_ALL, "absent", "it redirects too often", self._clock() + _USUAL)

    async def _read(self, answer: Answer) -> SiteRules:
        """Judge an answer by its status (RFC 9309, 2.3.1). One that says that we ask too often counts as no answer."""
        now = self._clock()
        if 200 <= answer.status < 300:
            kept = now + max(lifetime(answer.headers, _USUAL, _LONGEST), _AFTER_FAILURE)
            text = decoded(answer.body, "utf-8")
            return SiteRules(await asyncio.to_thread(parse_robots, text, self._agent), "found", expires=kept)
        if answer.status >= 500 or answer.status == _TOO_MANY_REQUESTS:
            return SiteRules(DISALLOW_ALL, "unreachable", f"it answers {answer.status}", now + _AFTER_FAILURE)
        return SiteRules(ALLOW_ALL, "absent", f"it answers {answer.status}", now + _USUAL)
