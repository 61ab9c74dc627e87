"""A null server whose every delay is known: `delayed.py constant|bimodal|stalls`.

It prints its port, and serves until its standard input ends. A stall is a second in which nothing is answered; what
came meanwhile is answered when it is over.
"""

from __future__ import annotations

import asyncio
import gc
import selectors
import sys
from collections.abc import Callable

from loadtest.null_server import NullProtocol, serve

__all__ = ["BIMODAL", "CONSTANT", "PERIOD", "RARE", "SERVICE", "STALL", "Delays", "main"]

CONSTANT = 0.02
BIMODAL = (0.005, 0.2)
RARE = 20
"""Every so many-th call takes the longer of the two times."""
SERVICE = 0.002
STALL, PERIOD = 1.0, 10.0
"""A stall of one second at the end of every ten; `SERVICE` is what a call takes beside it."""


class Delays:
    """How long each call is kept waiting: `of` tells seconds for the moment at which it comes."""

    def __init__(self, name: str) -> None:
        self._calls = 0
        self._laws: dict[str, Callable[[float], float]] = {
            "constant": lambda _: CONSTANT,
            "bimodal": self._bimodal,
            "stalls": self._stalls,
        }
        self.of = self._laws[name]

    def _bimodal(self, now: float) -> float:
        del now
        self._calls += 1
        return BIMODAL[self._calls % RARE == 0]

    @staticmethod
    def _stalls(now: float) -> float:
        left = PERIOD - now % PERIOD
        return SERVICE + (left if left <= STALL else 0.0)


class _Delayed(NullProtocol):
    """Answers each request when its delay is over, counted from when it was read."""

    def __init__(self, delays: Delays) -> None:
        super().__init__()
        self._delays = delays

    def data_received(self, data: bytes) -> None:
        """Hold back whatever the parent would answer at once."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        due = now + (self._delays.of(now) if b"tools/call" in data else 0.0)
        loop.call_at(due, super().data_received, data)


def main() -> None:
    """Serve until standard input ends."""
    # A collection takes 7 ms: a delay that nobody knows of.
    gc.disable()
    # epoll rounds every wait up to a millisecond; select does not.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        delays = Delays(sys.argv[1])
        runner.run(serve(lambda: _Delayed(delays)))


if __name__ == "__main__":
    main()
