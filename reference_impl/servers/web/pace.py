"""How often one host is asked: a few requests at a time, and as far apart as it wants."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from reference_impl.servers.web.errors import NotYet
from reference_impl.servers.web.settings import Limits, Outside
from reference_impl.servers.web.urls import WebUrl

__all__ = ["Pace"]

_MOST_HOSTS = 1000


class Pace:
    """The turns of all fetches of one server."""

    def __init__(self, limits: Limits, outside: Outside) -> None:
        self._limits = limits
        self._outside = outside
        self._all = asyncio.Semaphore(limits.concurrency)
        self._each: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._next: OrderedDict[str, float] = OrderedDict()

    @asynccontextmanager
    async def turn(self, url: WebUrl) -> AsyncGenerator[None, None]:
        """Wait until one more request may be under way, and hold the place for the block."""
        each = self._each.get(url.site) or self._each.setdefault(url.site, asyncio.Semaphore(self._limits.per_host))
        async with each, self._all:
            yield

    def reserve(self, url: WebUrl, seconds: float, patience: float) -> float:
        """Take the next place in the row of a host's requests, which are `seconds` apart; return how many seconds to
        wait for it. Raises `NotYet` where that is longer than `patience`."""
        now = self._outside.clock()
        at = max(now, self._next.get(url.site, now))
        if at - now > patience:
            raise NotYet(f"{url.host} wants {seconds:g} s between requests: try again in {at - now:.0f} s")
        self._next[url.site] = at + seconds
        self._next.move_to_end(url.site)
        if len(self._next) > _MOST_HOSTS:
            self._next.popitem(last=False)
        return at - now
