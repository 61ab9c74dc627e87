"""Pages that were fetched, for as long as their sites let them be kept (RFC 9111), within a bound of bytes."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Generic, TypeVar

from reference_impl.servers.web.settings import Limits

__all__ = ["PageCache", "lifetime"]

_ENTRY = 2048
"""Bytes that a page counts for beside its body."""
_DIRECTIVE = re.compile(r"""([a-z-]+)(?:\s*=\s*"?([^",;\s]*)"?)?""")


def lifetime(headers: Mapping[str, str], usual: float, most: float) -> float:
    """Return for how many seconds an answer may be kept: 0 for one that must not be, `usual` where nothing is said."""
    said = dict(_DIRECTIVE.findall(headers.get("cache-control", "").lower()))
    if said.keys() & {"no-store", "no-cache", "private"} or headers.get("vary", "").strip() == "*":
        return 0.0
    for directive in ("s-maxage", "max-age"):
        if directive in said:
            return min(max(_number(said[directive]) - _number(headers.get("age", "0")), 0.0), most)
    if "expires" in headers:
        return min(max(_until(headers), 0.0), most)
    return min(usual, most)


def _number(text: str) -> float:
    return float(text[:12]) if text.isascii() and text.isdigit() else 0.0


def _until(headers: Mapping[str, str]) -> float:
    """Seconds from Date to Expires; an invalid date has passed (RFC 9111, 5.3)."""
    try:
        expires, date = (parsedate_to_datetime(headers[name]) for name in ("expires", "date"))
        return (expires - date).total_seconds()
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0.0


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Item]):
    item: Item
    size: int
    expires: float


class PageCache(Generic[Item]):
    """Keeps items by URL; the one that was not asked for the longest goes first when they get too many."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._kept: OrderedDict[str, _Kept[Item]] = OrderedDict()
        self._size = 0

    def get(self, url: str) -> Item | None:
        """Return what is kept for a URL, unless it has expired."""
        kept = self._kept.get(url)
        if kept is None:
            return None
        if kept.expires <= self._clock():
            self._drop(url)
            return None
        self._kept.move_to_end(url)
        return kept.item

    def put(self, url: str, item: Item, size: int, headers: Mapping[str, str]) -> None:
        """Keep an item, if its headers let it be kept and it does not fill the cache by itself."""
        self._drop(url)
        seconds = lifetime(headers, self._limits.cache_seconds, self._limits.longest_cached)
        size += _ENTRY
        if seconds <= 0 or size > self._limits.cache_bytes // 2:
            return
        self._kept[url] = _Kept(item, size, self._clock() + seconds)
        self._size += size
        while self._size > self._limits.cache_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, url: str) -> None:
        kept = self._kept.pop(url, None)
        self._size -= 0 if kept is None else kept.size
