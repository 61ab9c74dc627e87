"""Calls of the upstream: within a deadline, repeated where that is safe, side by side within bounds, and not at all
while the circuit is open."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from reference_impl.server.errors import ToolError
from reference_impl.servers.gateway.breaker import Breaker, CircuitOpenError
from reference_impl.servers.gateway.exchange import ExchangeError, Exchanger, Reply, UpstreamRequest, Watch
from reference_impl.servers.gateway.settings import Limits

__all__ = ["Answer", "Pace", "Upstream", "retry_after"]

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
_AGAIN = frozenset({408, 429, 502, 503, 504})
"""Statuses that a later attempt may change."""
_UNWELL = frozenset({502, 503, 504})
"""Statuses that say that the upstream as a whole is not well; 500 may be about this one call."""
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0

Tell = Callable[[str], None]
"""Hears, in words, that an attempt is made again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Time and chance, so that tests need neither."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply that counts, and how many attempts it took."""

    reply: Reply
    attempts: int


@dataclass(frozen=True, slots=True)
class _Failure:
    error: ExchangeError | None
    reply: Reply | None


class Upstream:
    """All origins of one document; each has its own circuit and its own bound on calls side by side."""

    def __init__(self, limits: Limits, pace: Pace | None = None) -> None:
        self._limits = limits
        self._pace = pace or Pace()
        self._breakers: dict[str, Breaker] = {}
        self._gates: dict[str, asyncio.Semaphore] = {}
        self.exchanger: Exchanger | None = None

    def breaker(self, origin: str) -> Breaker:
        """Return the circuit of an origin."""
        if origin not in self._breakers:
            self._breakers[origin] = Breaker(self._limits.failures, self._limits.rest, self._pace.now)
        return self._breakers[origin]

    def opened(self, exchanger: Exchanger) -> None:
        """Use these connections, and gates of the loop that they belong to, from now on."""
        self.exchanger = exchanger
        self._gates = {}

    def deadline(self) -> float:
        """Return when a call that begins now has to be over."""
        return self._pace.now() + self._limits.timeout

    def left(self, deadline: float) -> float:
        """Return the seconds until then."""
        return max(deadline - self._pace.now(), 0.0)

    async def call(self, request: UpstreamRequest, deadline: float, tell: Tell, watch: Watch | None = None) -> Answer:
        """Send a request until there is an answer that counts. Raises `ToolError`."""
        async with self._turn(request, deadline):
            for attempt in range(1, self._limits.attempts + 1):
                outcome = await self._attempt(request, deadline, watch)
                if isinstance(outcome, Reply):
                    return Answer(outcome, attempt)
                pause = self._pause(request, outcome, attempt, deadline)
                if pause is None:
                    return Answer(_given(request, outcome), attempt)
                tell(f"Attempt {attempt} failed; the next is in {pause:.1f} s")
                await self._pace.sleep(pause)
        raise AssertionError("the last attempt has no pause after it")

    @asynccontextmanager
    async def _turn(self, request: UpstreamRequest, deadline: float) -> AsyncIterator[None]:
        gate = self._gates.setdefault(request.origin, asyncio.Semaphore(self._limits.concurrency))
        try:
            async with asyncio.timeout(self.left(deadline)):
                await gate.acquire()
        except TimeoutError:
            bound = self._limits.concurrency
            raise ToolError(f"{request.label} was not sent: {bound} calls are under way already; try later") from None
        try:
            yield
        finally:
            gate.release()

    async def _attempt(self, request: UpstreamRequest, deadline: float, watch: Watch | None) -> Reply | _Failure:
        breaker = self.breaker(request.origin)
        try:
            trial = breaker.enter()
        except CircuitOpenError as open_:
            raise ToolError(
                f"{request.label} was not sent: {request.origin} has failed {self._limits.failures} times in a row and "
                f"is left alone; {open_}"
            ) from None
        left = self.left(deadline)
        try:
            async with asyncio.timeout(left):
                assert self.exchanger is not None
                reply = await self.exchanger.send(request, watch)
        except TimeoutError:
            # With little time left, for its turn came late, it says nothing about the upstream.
            (breaker.failed if left >= self._limits.timeout / 2 else breaker.given_up)(trial=trial)
            raise ToolError(_late(request, self._limits.timeout)) from None
        except ExchangeError as error:
            (breaker.failed if error.broken else breaker.succeeded)(trial=trial)
            return _Failure(error, None)
        except BaseException:
            breaker.given_up(trial=trial)  # cancelled, for the client has lost interest
            raise
        (breaker.failed if reply.status in _UNWELL else breaker.succeeded)(trial=trial)
        return _Failure(None, reply) if reply.status in _AGAIN else reply

    def _pause(self, request: UpstreamRequest, failure: _Failure, attempt: int, deadline: float) -> float | None:
        """Return how long to wait before the next attempt; None if there is to be none."""
        sent = failure.error is None or failure.error.sent
        if attempt >= self._limits.attempts or (sent and request.method not in _IDEMPOTENT):
            return None
        if failure.error is not None and not failure.error.broken:
            return None
        asked = None if failure.reply is None else retry_after(failure.reply)
        most = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)
        pause = asked if asked is not None else most * (0.5 + self._pace.chance() / 2)
        return pause if self._pace.now() + pause < deadline else None


def _given(request: UpstreamRequest, failure: _Failure) -> Reply:
    """Return the reply that came, though it is none to be glad of. Raises `ToolError` where none came."""
    if failure.reply is not None:
        return failure.reply
    assert failure.error is not None
    doubt = "" if request.method in ("GET", "HEAD", "OPTIONS") or not failure.error.sent else _DOUBT
    raise ToolError(f"{request.label}: {request.origin} {failure.error}{doubt}")


_DOUBT = "; whether it was carried out is not known"


def _late(request: UpstreamRequest, seconds: float) -> str:
    doubt = "" if request.method in ("GET", "HEAD", "OPTIONS") else _DOUBT
    return f"{request.label}: {request.origin} did not answer within {seconds:g} s{doubt}"


def retry_after(reply: Reply) -> float | None:
    """Return the seconds that a reply asks to wait, as a number or a date (RFC 9110, 10.2.3); None if it does not."""
    value = reply.headers.get("retry-after", "").strip()
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        when = parsedate_to_datetime(value)
    except (ValueError, IndexError, TypeError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max((when - datetime.now(UTC)).total_seconds(), 0.0)
