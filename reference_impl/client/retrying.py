"""When a failed request may be made again, and how long to wait before it.

A call that may have reached its server is repeated only where a second one does no harm. The pauses grow exponentially
and are drawn at random from all of their range, so that clients which failed together do not come back together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

from reference_impl.client.errors import (
    ClientError,
    ConnectionClosed,
    HttpRefused,
    RequestFailed,
    RequestTimeout,
    Unreachable,
)
from reference_impl.client.settings import JsonObject

__all__ = ["RetryPolicy", "pause_after", "worth_repeating"]

_PASSING = frozenset({408, 500, 502, 503, 504})
"""HTTP statuses of trouble that may pass, which say nothing of whether the request had an effect."""

_LONGEST = 86_400.0
"""Seconds beyond which a wish to be left alone means never."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Pauses in seconds: at most `base * 2**attempt`, never more than `cap`. `random` draws from 0 to 1."""

    base: float = 0.2
    cap: float = 10.0
    random: Callable[[], float] = SystemRandom().random

    def delay(self, attempt: int) -> float:
        """Return the seconds to wait after the attempt of this number, from 0 on."""
        return self.random() * min(self.cap, self.base * 2.0 ** min(attempt, 60))


def worth_repeating(error: ClientError, *, harmless: bool) -> bool:
    """Tell whether the same request may succeed later, and may be made again.

    `harmless` says that a second one has no further effect; without that, the server must have seen nothing of the
    first.
    """
    match error:
        case Unreachable() | HttpRefused(status=429):
            return True
        case ConnectionClosed() | RequestTimeout():
            return harmless
        case HttpRefused(status=status):
            return harmless and status in _PASSING
        case RequestFailed(data=dict(data)):
            return harmless and _seconds(data.get("retryAfter")) is not None
    return False


def pause_after(failure: ClientError | JsonObject) -> float:
    """Return the seconds that a server wants to be left alone after a failure, or after a result that says so.

    It is said by Retry-After of HTTP, by `retryAfter` in an error's data, and by `touchstone/retryAfter` in the `_meta`
    of a failed result: `RateLimitingMiddleware` writes that of calls that it let nobody begin. Names of others in a
    result say nothing: their tools may have failed half way.
    """
    match failure:
        case HttpRefused(retry_after=float(seconds)):
            return seconds
        case RequestFailed(data=dict(data)):
            return _seconds(data.get("retryAfter")) or 0.0
        case {"isError": True, "_meta": dict(meta)}:
            return _seconds(meta.get("touchstone/retryAfter")) or 0.0
    return 0.0


def _seconds(said: Any) -> float | None:
    """Return a time, if it is one that ends."""
    valid = isinstance(said, int | float) and not isinstance(said, bool) and 0 <= said < _LONGEST
    return float(said) if valid else None
