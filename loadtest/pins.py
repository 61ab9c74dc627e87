"""Names that are looked up once, before a run: all its connections go to the address that was looked at then."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping
from typing import Any

import gevent

__all__ = ["pin"]


def pin(pins: Mapping[str, tuple[str, ...]]) -> None:
    """Have gevent find each of these host names at its addresses from now on, in this process.

    Of several the first is another one each time, as of names that stand for several machines.

    Names are looked up by gevent's resolver alone, whichever library asks. What a host is called on the wire (its
    `Host` header, the name of its certificate) stays as it was.
    """
    if pins:
        hub = gevent.get_hub()
        hub.resolver = _Pinned(hub.resolver, pins)


class _Pinned:
    """A resolver before another one."""

    def __init__(self, resolver: Any, pins: Mapping[str, tuple[str, ...]]) -> None:
        self._resolver = resolver
        self._pins = {name: deque(addresses) for name, addresses in pins.items()}

    def getaddrinfo(self, host: Any, *rest: Any, **named: Any) -> Any:
        """Look up a host, or the addresses that it is pinned to."""
        name = host.decode("idna") if isinstance(host, bytes) else host
        pinned = self._pins.get(name)
        if pinned is None:
            return self._resolver.getaddrinfo(host, *rest, **named)
        pinned.rotate(-1)
        found = [self._resolver.getaddrinfo(each, *rest, **named) for each in pinned]
        return list(itertools.chain.from_iterable(found))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._resolver, name)
