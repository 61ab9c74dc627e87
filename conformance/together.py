"""Things done at the same time, without task groups' wrapping of what they raise."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

import anyio

from conformance.expect import Mismatch

__all__ = ["together"]

Value = TypeVar("Value")


async def together(*calls: Callable[[], Awaitable[Value]], at_once: float = inf) -> list[Value]:
    """Run calls at the same time, so many at once, and return their values in order.

    Raises the first `Mismatch` once all are done.
    """
    limit = anyio.CapacityLimiter(at_once)
    values: dict[int, Value] = {}
    mismatches: list[Mismatch] = []

    async def run(place: int, call: Callable[[], Awaitable[Value]]) -> None:
        try:
            async with limit:
                values[place] = await call()
        except Mismatch as mismatch:
            mismatches.append(mismatch)

    async with anyio.create_task_group() as tasks:
        for place, call in enumerate(calls):
            tasks.start_soon(run, place, call)
    if mismatches:
        raise mismatches[0]
    return [values[place] for place in range(len(calls))]
