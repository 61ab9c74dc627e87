"""Which handlers run, for whom, and by when each has to be over: cancelled is what has ended, not what is silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from reference_impl.server import Invocation
from reference_impl.server.middleware import Handler

__all__ = ["MARKER", "Runs"]

MARKER = "baggage"
"""The member of `_meta` that tells runs apart: the client's own words, which handlers can read."""
_UNWINDING = 1.0
"""Seconds that a handler may take for its `finally`."""


class Runs:
    """Middleware that counts the handlers under way by the marker of their request. `clock` is the world's."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._doomed: dict[str, float] = {}
        self._names: dict[str, str] = {}
        self.live: Counter[str] = Counter()
        self.misled: list[str] = []

    def wrap(self, handler: Handler) -> Handler:
        """Return a handler that is counted."""

        async def counted(invocation: Invocation) -> Any:
            marker = invocation.context.trace.get(MARKER, "")
            self.live[marker] += 1
            self._names[marker] = invocation.name
            try:
                return await handler(invocation)
            finally:
                self.live[marker] -= 1
                self.live += Counter()

        return counted

    def doom(self, marker: str, grace: float = 0.0) -> None:
        """Note that the handler of a request has to be over, `grace` seconds and its own unwinding from now on."""
        self._doomed.setdefault(marker, self.clock() + grace + _UNWINDING)

    def answered(self, asked: str, told: dict[str, Any]) -> None:
        """Take what a handler got for its question, whose answer repeats the question's own words."""
        content = told.get("content") or {"name": asked}
        if content.get("name") != asked:
            self.misled.append(f"{asked!r} was answered with {content!r}")

    def check(self) -> None:
        """Complain of handlers that have outlived their end."""
        now = self.clock()
        late = [
            f"{marker} {self._names[marker]}"
            for marker, latest in self._doomed.items()
            if latest <= now and self.live[marker] > 0
        ]
        assert not late, f"handlers run on after their end: {late}"
        assert not self.misled, f"an answer to another question: {self.misled}"
