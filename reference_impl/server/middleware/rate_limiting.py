"""Token buckets: so many calls a second for each principal, and for some tools of their own."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from reference_impl.server.errors import RateLimitedError
from reference_impl.server.middleware.base import Handler, Invocation

__all__ = ["Rate", "RateLimitingMiddleware"]

_MOST_BUCKETS = 10_000
"""Beyond, those that were not used for the longest time are full again."""

_NEARLY = 1e-9
"""Of a token: what rounding may lack of a whole one."""

_Key = tuple[str | None, str | None]
"""Principal, and tool or None for all of them together."""


class Rate(NamedTuple):
    """Calls a second on average, and how many may come at once."""

    rate: float
    burst: int


class RateLimitingMiddleware:
    """Lets each principal call `rate` times a second on average, with bursts of `burst` (a token bucket each).

    `tools` gives rates of their own to tools, prompts and resources (by name or URI template), on top of that: a call
    takes a token of both buckets, or of none. All who have no principal share theirs. A refusal says when to try again:
    in its text, and in `retryAfter`, in seconds, of a result's `_meta` (`touchstone/retryAfter`) or an error's data.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        tools: Mapping[str, Rate] | None = None,
    ) -> None:
        self._everything = Rate(rate, burst)
        self._tools = {name: Rate(*given) for name, given in (tools or {}).items()}
        for given in (self._everything, *self._tools.values()):
            if not (0 < given.rate < math.inf and given.burst >= 1):
                raise ValueError("a rate is more than 0 a second, with a burst of at least 1")
        self._clock = clock
        self._buckets: OrderedDict[_Key, tuple[float, float]] = OrderedDict()

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that refuses what comes too fast."""

        async def limited(invocation: Invocation) -> Any:
            wait = self._take(invocation.context.principal, invocation.label)
            if wait > 0:
                raise RateLimitedError(wait)
            return await handler(invocation)

        return limited

    def _take(self, caller: str | None, label: str) -> float:
        """Take a token of each bucket that a call needs, or none if one has none; return the seconds to wait."""
        now = self._clock()
        needed: list[tuple[_Key, Rate]] = [((caller, None), self._everything)]
        if label in self._tools:
            needed.append(((caller, label), self._tools[label]))
        filled = [(key, rate, self._filled(key, rate, now)) for key, rate in needed]
        wait = max(0 if tokens > 1 - _NEARLY else (1 - tokens) / rate.rate for _, rate, tokens in filled)
        for key, _, tokens in filled:
            self._buckets[key] = (tokens - 1 if wait <= 0 else tokens, now)
        while len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return wait

    def _filled(self, key: _Key, rate: Rate, now: float) -> float:
        """Return the tokens that a bucket has now, and take it out."""
        tokens, then = self._buckets.pop(key, (float(rate.burst), now))
        return min(float(rate.burst), tokens + max(0.0, now - then) * rate.rate)
