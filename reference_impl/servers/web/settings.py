"""What a web server is told: who it says it is, whom it may reach, and how much it may cost."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from reference_impl.transports.dialling import Resolve

__all__ = ["Limits", "Outside", "WebSettings"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What fetching may cost. A page is cut at `most_bytes`, after decompression; `most_seconds` bound one call with
    its redirects, its robots.txt and its waiting; `concurrency` fetches run at a time, `per_host` of them with one
    host. The cache holds `cache_bytes`, each page for what the site says, `cache_seconds` where it says nothing, and
    `longest_cached` seconds at the most."""

    most_bytes: int = 5 * 1024 * 1024
    most_seconds: float = 20.0
    most_redirects: int = 5
    most_crawled: int = 50
    most_crawl_seconds: float = 120.0
    crawl_delay: float = 0.5
    concurrency: int = 8
    per_host: int = 2
    cache_bytes: int = 32 * 1024 * 1024
    cache_seconds: float = 300.0
    longest_cached: float = 86_400.0


@dataclass(frozen=True, slots=True)
class WebSettings:
    """How a web server behaves.

    `allow_hosts` (`HOST` or `HOST:PORT`) and `allow_networks` (CIDR) may be reached though they are not public.
    `only_hosts`, if there are any, are the only ones that are reached (`.example.org` stands for it and all below it),
    and have to be public or allowed like any other. `agent` is what robots.txt files know this robot by.
    """

    allow_hosts: tuple[str, ...] = ()
    allow_networks: tuple[str, ...] = ()
    only_hosts: tuple[str, ...] = ()
    agent: str = "TouchstoneWeb"
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Outside:
    """What the server takes from the world around it: a resolver (the system's, if None), a clock in seconds, a way to
    wait, and the certificates that it trusts (the system's, if None)."""

    resolve: Resolve | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    tls: ssl.SSLContext | None = None
