"""Names that are looked up once, before a run: all its connections go to the address that was looked at then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gevent

__all__ = ["pin"]


def pin(pins: Mapping[str, str]) -> None:
    """Have gevent take each of these host names for its address from now on, in this process.

    Names are looked up by gevent's resolver alone, whichever library asks. What a host is called on the wire (its
    `Host` header, the name of its certificate) stays as it was.
    """
    if pins:
        hub = gevent.get_hub()
        hub.resolver = _Pinned(hub.resolver, pins)


class _Pinned:
    """A resolver before another one."""

    def __init__(self, resolver: Any, pins: Mapping[str, str]) -> None:
        self._resolver = resolver
        self._pins = pins

    def getaddrinfo(self, host: Any, *rest: Any, **named: Any) -> Any:
        """Look up a host, or the address that it is pinned to."""
        name = host.decode("idna") if isinstance(host, bytes) else host
        return self._resolver.getaddrinfo(self._pins.get(name, host), *rest, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._resolver, name)
