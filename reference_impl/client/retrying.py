"""When a failed request may be made again, and how long to wait before it.

A call that may have reached its server is repeated only where a second one does no harm. The pauses grow exponentially
and are drawn at random from all of their range, so that clients which failed together do not come back together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom

from reference_impl.client.errors import (
    ClientError,
    ConnectionClosed,
    HttpRefused,
    RequestFailed,
    RequestTimeout,
    Unreachable,
)
from reference_impl.protocol.errors import Code

__all__ = ["RetryPolicy", "pause_before", "worth_repeating"]

_PASSING = frozenset({408, 500, 502, 503, 504})
"""HTTP statuses of trouble that may pass, which say nothing of whether the request had an effect."""


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
        case RequestFailed(code=Code.INTERNAL_ERROR):
            return harmless
    return False


def pause_before(error: ClientError, attempt: int, policy: RetryPolicy) -> float:
    """Return the seconds to wait: what the policy draws, and at least what the server asked for."""
    wished = error.retry_after if isinstance(error, HttpRefused) else None
    return max(policy.delay(attempt), wished or 0.0)
