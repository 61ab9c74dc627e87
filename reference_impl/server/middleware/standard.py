"""The usual middleware in the usual order, as far as it is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reference_impl.security.permissions import PermissionManager
from reference_impl.server.middleware.base import Middleware
from reference_impl.server.middleware.caching import CachingMiddleware
from reference_impl.server.middleware.logging import LoggingMiddleware
from reference_impl.server.middleware.permissions import PermissionsMiddleware
from reference_impl.server.middleware.rate_limiting import RateLimitingMiddleware
from reference_impl.server.middleware.timeouts import TimeoutMiddleware

__all__ = ["Standard", "standard"]


@dataclass(frozen=True, slots=True)
class Standard:
    """What is wanted: calls logged; `rate` calls a second for each principal, `burst` at once (twice the rate, if it is
    None); permissions asked for; answers cached for `cache` seconds; handlers stopped after `timeout` seconds."""

    log: bool = False
    rate: float | None = None
    burst: int | None = None
    permissions: PermissionManager | None = None
    cache: float | None = None
    timeout: float | None = None


def standard(wanted: Standard) -> Iterator[Middleware]:
    """Yield middleware in the order in which to add it, outermost first.

    Logging sees every call and its outcome. Limits come before permissions, so that nobody is asked, and no audit log
    filled, faster than that. The cache is behind permissions: what is kept is for those who may have it. Timeouts are
    innermost: they bound the handler, and not the time that somebody takes to give consent.
    """
    if wanted.log:
        yield LoggingMiddleware()
    if wanted.rate is not None:
        yield RateLimitingMiddleware(wanted.rate, wanted.burst or max(1, round(2 * wanted.rate)))
    if wanted.permissions is not None:
        yield PermissionsMiddleware(wanted.permissions)
    if wanted.cache is not None:
        yield CachingMiddleware(wanted.cache)
    if wanted.timeout is not None:
        yield TimeoutMiddleware(wanted.timeout)
