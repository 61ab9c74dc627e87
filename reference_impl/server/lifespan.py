"""One context shared by all who need it at once: entered by the first, left by the last.

A task of its own enters and leaves it: the first may be gone before the last, and cancel scopes, such as task groups
have, must be left by the task that entered them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

__all__ = ["Shared"]


class Shared:
    """Counts its users; `make` returns the context to enter, anew each time the count leaves zero."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        self._make = make
        self._lock: asyncio.Lock | None = None
        self._users = 0
        self._life: _Life | None = None

    @asynccontextmanager
    async def entered(self) -> AsyncGenerator[None, None]:
        """Return a context in which the shared one is entered. Raises what that raises."""
        self._lock = self._lock or asyncio.Lock()
        async with self._lock:
            if self._life is None:
                life = _Life(self._make)
                await life.begin()
                self._life = life
            self._users += 1
        try:
            yield
        finally:
            async with self._lock:
                self._users -= 1
                if self._users == 0 and self._life is not None:
                    life, self._life = self._life, None
                    await life.end()


class _Life:
    """A context from beginning to end."""

    def __init__(self, make: Callable[[], AbstractAsyncContextManager[Any]]) -> None:
        self._make = make
        self._begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._last())

    async def _last(self) -> None:
        async with self._make():
            self._begun.set_result(None)
            await self._over.wait()

    async def begin(self) -> None:
        """Return once the context is entered. Raises what kept it from that."""
        first: set[asyncio.Future[None]] = {self._task, self._begun}
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._task.cancel()
            raise
        if not self._begun.done():
            self._task.result()

    async def end(self) -> None:
        """Leave the context. Raises what that raises, or what ended it before."""
        self._over.set()
        await self._task
