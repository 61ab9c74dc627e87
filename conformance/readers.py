"""The background of a run: the tasks that read what targets write, for as long as some work goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import anyio.abc

__all__ = ["beside_readers"]

Value = TypeVar("Value")


async def beside_readers(work: Callable[[anyio.abc.TaskGroup], Awaitable[Value]]) -> Value:
    """Do `work`, which starts readers in the group that it is given, and end them with it.

    What the work raises comes out as it is: a task group would wrap it, and callers catch `Unreachable`, not groups.
    """
    try:
        async with anyio.create_task_group() as readers:
            value = await work(readers)
            readers.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        raise _first(group) from None
    return value


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first thing that went wrong; the rest followed from it."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
