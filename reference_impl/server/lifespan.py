"""One context shared by all who need it at once: entered by the first, left by the last."""

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
        self._context: AbstractAsyncContextManager[Any] | None = None

    @asynccontextmanager
    async def entered(self) -> AsyncGenerator[None, None]:
        """Return a context in which the shared one is entered."""
        self._lock = self._lock or asyncio.Lock()
        async with self._lock:
            if self._context is None:
                context = self._make()
                await context.__aenter__()
                self._context = context
            self._users += 1
        try:
            yield
        finally:
            async with self._lock:
                self._users -= 1
                if self._users == 0 and self._context is not None:
                    context, self._context = self._context, None
                    await context.__aexit__(None, None, None)
