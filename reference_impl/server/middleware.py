"""What stands around every handler: an invocation, the interface of what wraps it, and three that everybody needs."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol

import msgspec

from reference_impl.server.context import Context
from reference_impl.server.definitions import Completion, Prompt, Resource, Tool
from reference_impl.server.errors import ToolError

__all__ = [
    "AuthenticationMiddleware",
    "Handler",
    "Invocation",
    "LoggingMiddleware",
    "Middleware",
    "RateLimitingMiddleware",
]

_logger = logging.getLogger("reference_impl.server.calls")
_MOST_CALLERS = 10_000


class Invocation(msgspec.Struct, frozen=True):
    """One call of a handler: `name` is the tool's or prompt's name, or the resource's URI; of a completion, that of
    the prompt or the URI template whose argument it completes."""

    kind: Literal["tool", "resource", "prompt", "completion"]
    name: str
    target: Tool | Resource | Prompt | Completion
    arguments: dict[str, Any]
    context: Context


Handler = Callable[[Invocation], Awaitable[Any]]


class Middleware(Protocol):
    """Wraps handlers: looks at the invocation, refuses it by raising `ToolError`, or changes what comes back."""

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that stands before `handler`."""


class LoggingMiddleware:
    """Logs each call with its outcome and time to the logger `reference_impl.server.calls`; arguments stay private."""

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that logs."""

        async def logged(invocation: Invocation) -> Any:
            started = time.perf_counter()
            outcome = "failed"
            try:
                value = await handler(invocation)
                outcome = "done"
                return value
            finally:
                milliseconds = (time.perf_counter() - started) * 1000
                _logger.info("%s %s %s in %.1f ms", invocation.kind, invocation.name, outcome, milliseconds)

        return logged


class RateLimitingMiddleware:
    """Lets each principal call `rate` times a second on average, with bursts of `burst` (a token bucket each)."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str | None, tuple[float, float]] = OrderedDict()

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that refuses what comes too fast."""

        async def limited(invocation: Invocation) -> Any:
            self._take(invocation.context.principal)
            return await handler(invocation)

        return limited

    def _take(self, caller: str | None) -> None:
        now = self._clock()
        tokens, then = self._buckets.pop(caller, (float(self._burst), now))
        tokens = min(float(self._burst), tokens + (now - then) * self._rate)
        self._buckets[caller] = (max(tokens - 1, 0.0) if tokens >= 1 else tokens, now)
        if len(self._buckets) > _MOST_CALLERS:
            self._buckets.popitem(last=False)
        if tokens < 1:
            raise ToolError(f"Rate limit exceeded: try again in {(1 - tokens) / self._rate:.1f} s")


class AuthenticationMiddleware:
    """Asks `allows(principal, kind, name)` before each call. Who the principal is, the transport has found out
    (`reference_impl.server.auth`); None means nobody in particular."""

    def __init__(self, allows: Callable[[str | None, str, str], bool]) -> None:
        self._allows = allows

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that refuses what is not allowed."""

        async def guarded(invocation: Invocation) -> Any:
            if not self._allows(invocation.context.principal, invocation.kind, invocation.name):
                raise PermissionError(invocation.name)
            return await handler(invocation)

        return guarded
