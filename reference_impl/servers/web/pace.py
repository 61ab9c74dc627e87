"""How often one host is asked: a few requests at a time, and as far apart as it wants."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from reference_impl.servers.web.errors import FetchError
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

    async def apart(self, url: WebUrl, seconds: float, patience: float) -> None:
        """Wait until `seconds` have passed since the host's last request that was counted here. Raises `FetchError`
        where that takes longer than `patience` seconds."""
        now = self._outside.clock()
        at = max(now, self._next.get(url.site, now))
        if at - now > patience:
            raise FetchError(f"{url.host} wants {seconds:g} s between requests: try again in {at - now:.0f} s")
        self._next[url.site] = at + seconds
        self._next.move_to_end(url.site)
        if len(self._next) > _MOST_HOSTS:
            self._next.popitem(last=False)
        if at > now:
            await self._outside.sleep(at - now)
