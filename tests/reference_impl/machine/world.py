"""An event loop whose time stands still: every step runs until nothing is left to do, and time passes only when told.

So an interleaving is a list of steps, the same in every run, and a minute costs nothing.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

_TURNS = 20_000
"""Turns of the loop in one step before it counts as never coming to rest."""


class _StillLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now = 1000.0
        super().__init__()

    def time(self) -> float:
        return self.now

    @property
    def resting(self) -> bool:
        """Whether nothing but the caller has anything to do."""
        ready, scheduled = self._ready, self._scheduled  # type: ignore[attr-defined] # asyncio tells it no other way
        return not ready and not (scheduled and scheduled[0].when() <= self.now)

    @property
    def next_timer(self) -> float:
        scheduled = self._scheduled  # type: ignore[attr-defined] # as above
        return float(scheduled[0].when()) if scheduled else float("inf")


class World:
    """Runs tasks step by step. `complaints` is what asyncio found wrong: exceptions that nobody saw, lost tasks."""

    def __init__(self) -> None:
        self.loop = _StillLoop()
        self.complaints: list[str] = []
        self.steps = 0
        self._numbers = count(1)
        self.loop.set_exception_handler(lambda _loop, context: self.complaints.append(f"{context}"))

    @property
    def now(self) -> float:
        """Seconds on this world's clock."""
        return self.loop.now

    def unique(self) -> str:
        """Return a word that was never used before."""
        return f"run-{next(self._numbers):06}"

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin a task; it runs in the next step."""
        return self.loop.create_task(coroutine)

    def act(self, function: Callable[[], object]) -> None:
        """Call a function on the loop, as the next step."""
        self.loop.call_soon(function)
        self.settle()

    def settle(self) -> None:
        """Run until all that can happen now has happened: one of the world's `steps`."""
        self.steps += 1
        self.loop.run_until_complete(self._rest())

    async def _rest(self) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
            if self.loop.resting:
                return
        raise AssertionError(f"the loop never comes to rest: {list(self.loop._ready)}")  # type: ignore[attr-defined] # as asyncio's loops do

    def let_pass(self, seconds: float) -> None:
        """Let time pass, with all that it brings in its order."""
        target = self.now + seconds
        self.settle()
        while self.loop.next_timer <= target:
            self.loop.now = max(self.loop.now, self.loop.next_timer)
            self.settle()
        self.loop.now = target
        self.settle()

    @property
    def tasks(self) -> set[asyncio.Task[Any]]:
        """All tasks that have not ended."""
        return asyncio.all_tasks(self.loop)

    def close(self) -> None:
        """End the world; whatever nobody retrieved is among the complaints afterwards."""
        for task in self.tasks:
            task.cancel()
        self.settle()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        gc.collect()
        self.loop.close()
