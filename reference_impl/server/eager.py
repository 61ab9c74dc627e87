"""Coroutines that begin at once, and get a task only if they wait.

Most requests are answered without waiting for anything. To make a task for such a one, to put it in the queue of the
loop, and to clear up behind it costs more than the request's way through HTTP. Python 3.12 has eager tasks, which still
are a task each; here a task waits in reserve, lends its name to one coroutine after the other, and goes with the first
that waits. So `asyncio.current_task()` is the same before and after, and `asyncio.timeout`, cancel scopes and
cancellation work as in any task.
"""

from __future__ import annotations

import asyncio
import types
from asyncio.tasks import _enter_task, _leave_task  # for those who run coroutines on their own ("Extending", asyncio)
from collections.abc import Coroutine, Generator
from contextvars import Context
from typing import Any

__all__ = ["EagerTasks"]

Job = Coroutine[Any, Any, None]


class EagerTasks:
    """Starts coroutines, one after the other."""

    __slots__ = ("_loop", "_reserve")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._reserve: _Reserve | None = None

    def start(self, job: Job, context: Context) -> asyncio.Task[None] | None:
        """Run a coroutine in a context of its own until it waits; return the task that it goes on in, or None if it has
        ended. Where no task is in reserve yet, or another one is running, all of it runs in an ordinary task."""
        loop, reserve = self._loop, self._reserve
        if reserve is None or not reserve.usable:
            self._reserve = reserve or _Reserve(loop)
            return loop.create_task(job, context=context)
        try:
            _enter_task(loop, reserve.task)
        except RuntimeError:  # another one is running
            return loop.create_task(job, context=context)
        try:
            awaited = context.run(job.send, None)
        except (StopIteration, asyncio.CancelledError):
            if reserve.task.cancelling():  # somebody took it for the job's own, as it was
                self._reserve = None
            return None
        finally:
            _leave_task(loop, reserve.task)
        self._reserve = None
        reserve.take(job, awaited, context)
        return reserve.task

    def close(self) -> None:
        """Let the task in reserve go."""
        if self._reserve is not None:
            self._reserve.task.cancel()
            self._reserve = None


class _Reserve:
    """A task that waits for a coroutine to carry on with."""

    __slots__ = ("_awaited", "_context", "_job", "_ready", "task", "usable")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.usable = False
        """Whether it has begun to wait: a task that has not would not notice a cancellation of its coroutine."""
        self._ready: asyncio.Future[None] = loop.create_future()
        self._job: Job | None = None
        self.task: asyncio.Task[None] = loop.create_task(self._carry())

    def take(self, job: Job, awaited: Any, context: Context) -> None:
        """Carry on with a coroutine that waits for `awaited`."""
        self._job, self._awaited, self._context = job, awaited, context
        if not self._ready.done():
            self._ready.set_result(None)

    async def _carry(self) -> None:
        self.usable = True
        try:
            await self._ready
        except asyncio.CancelledError as error:
            if self._job is None:
                return
            await _resumed(self._job, self._awaited, self._context, error)
        else:
            await _resumed(self._job, self._awaited, self._context)  # type: ignore[arg-type]  # taken before


@types.coroutine
def _resumed(job: Job, awaited: Any, context: Context, error: BaseException | None = None) -> Generator[Any, Any, None]:
    """Go on with a coroutine that waits for `awaited`, unless it was cancelled meanwhile."""
    try:
        if error is not None and (awaited is None or not awaited.cancel()):
            awaited = context.run(job.throw, error)
        while True:
            try:
                yield awaited
            except BaseException as thrown:  # noqa: BLE001 - whatever it is, it is meant for the coroutine
                awaited = context.run(job.throw, thrown)
            else:
                awaited = context.run(job.send, None)
    except StopIteration:
        return
