"""All tasks of a server: whose they are, what carries them out, when they are forgotten.

A task belongs to the principal who made it; without authorization to the legacy session that made it, and ends with
that. A modern client without authorization cannot be told from another: whoever knows the id, which nobody can guess,
has the task (`basic/utilities/tasks#task-isolation-and-access-control`, `extensions/tasks#security-considerations`).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import Any

import msgspec

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import ErrorResponse, Notification, Response
from reference_impl.protocol.task_table import ANYBODY, TaskRecord
from reference_impl.protocol.tasks import (
    Status,
    Task,
    declares_extension,
    extension_required,
    task_wire,
    timestamp,
    unknown_task,
)
from reference_impl.server.exchange import Exchange, Session
from reference_impl.server.subscriptions import Hub
from reference_impl.server.tasks.options import TaskOptions
from reference_impl.server.tasks.run import TaskRun, described
from reference_impl.server.tasks.store import MemoryTaskStore

__all__ = ["TaskManager"]

_logger = logging.getLogger("reference_impl.server.tasks")
_NOBODY = "nobody"
"""The owner of no task: a session that has made none."""
_GRAIN = 0.001
"""Seconds between two looks at what has expired, at the least: two clocks may never agree to the last digit."""
_GRACE = 1.0
"""Seconds that handlers get to end after the server has begun to shut down."""

Serve = Callable[[Exchange], Awaitable[Response | ErrorResponse]]


class TaskManager:
    """Makes tasks, finds them for those whose they are, and ends them. `serve` answers a request as any other; `clock`
    counts POSIX seconds."""

    def __init__(
        self,
        serve: Serve,
        hub: Hub,
        options: TaskOptions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.options = options
        given = options.store  # an empty one may count as false
        self.store = MemoryTaskStore(options.most, options.most_of_one) if given is None else given
        self.clock = clock
        self._serve, self._hub = serve, hub
        self._live: dict[str, TaskRun] = {}
        self._keys: dict[Session, str] = {}
        self._chores: set[asyncio.Task[Any]] = set()
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """How many tasks are being carried out right now."""
        return len(self._live)

    def now(self) -> float:
        """Return the time in POSIX seconds."""
        return self.clock()

    # Making -------------------------------------------------------------------------------------

    async def start(self, exchange: Exchange, wished: int | None) -> dict[str, Any] | None:
        """Make a task of a request, to live `wished` milliseconds; return the `CreateTaskResult`, or None if there is
        no room for it."""
        run = self._run(exchange, wished)
        if not await run.start():
            return None
        self._employ(run)
        return run.created()

    async def offer(self, exchange: Exchange) -> dict[str, Any]:
        """Serve a request whose handler may make a task of it on its way; return the result that comes first.

        Raises `RemoteProtocolError` if the request comes to an error.
        """
        run = self._run(exchange, None)
        worker = self._employ(run)
        first: list[asyncio.Future[Any]] = [worker, run.begun]
        try:
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            worker.cancel()  # nobody will learn the task's id
            raise
        if run.live:
            return run.created()
        message = worker.result()
        if isinstance(message, ErrorResponse):
            raise RemoteProtocolError(message.code, message.message, message.data)
        result: dict[str, Any] = message.result
        return result

    def _run(self, exchange: Exchange, wished: int | None) -> TaskRun:
        admit = partial(self._admit, wished=wished)
        return TaskRun(exchange, admit, self._changed, self.now, self.options.largest_result)

    async def _admit(self, run: TaskRun, wished: int | None) -> bool:
        await self._forget_expired()
        now, ttl = self.now(), self.options.granted(wished)
        at = timestamp(now)
        identifier = secrets.token_urlsafe(24)
        task = Task(identifier, Status.WORKING, at, at, ttl, self.options.poll_interval_ms, "The work has begun")
        record = TaskRecord(task, self._owner_of_new(run.exchange), now + ttl / 1000)
        if not await self.store.add(record):
            _logger.warning("no room for another task of %s", run.exchange.principal or "a client")
            return False
        self._live[identifier] = run
        run.begin(record)
        self._schedule(record.expires_at)
        _logger.info("task %.8s begins, for %s", identifier, run.exchange.principal or "a client")
        return True

    def _owner(self, exchange: Exchange) -> str:
        """Return whose the tasks of an exchange are, as the store writes it."""
        session = exchange.session
        if exchange.principal is not None:
            return f"{exchange.revision.era.value}:{exchange.principal}"
        if session is None:
            return ANYBODY
        return self._keys.get(session, _NOBODY)

    def _owner_of_new(self, exchange: Exchange) -> str:
        session = exchange.session
        if session is not None and session.on_close is None:
            session.on_close = partial(self._session_closed, session)
            if session.principal is None:
                self._keys[session] = f"session:{secrets.token_urlsafe(16)}"
        return self._owner(exchange)

    # Carrying out -------------------------------------------------------------------------------

    def _employ(self, run: TaskRun) -> asyncio.Task[Response | ErrorResponse]:
        run.worker = asyncio.get_running_loop().create_task(self._carry_out(run))
        self._chores.add(run.worker)
        run.worker.add_done_callback(self._chores.discard)
        return run.worker

    async def _carry_out(self, run: TaskRun) -> Response | ErrorResponse:
        try:
            message = await self._serve(run.exchange)
            if run.live:
                run.end(message)
            return message
        finally:
            if run.live:
                run.stopped("The work was stopped")
                await self._save(run)
                self._live.pop(run.record.task.id, None)
                _logger.info("task %.8s ends as %s", run.record.task.id, run.record.task.status)

    def _changed(self, run: TaskRun) -> None:
        """Tell of a change those who want to hear of it, and keep it."""
        task, revision = run.record.task, run.exchange.revision
        if revision.modern:
            self._hub.task_changed(task.id, lambda: described(run.record, run, revision))
        elif run.session is not None and run.session.initialized:
            run.session.send(Notification("notifications/tasks/status", task_wire(task, revision)))
        if not run.unsaved:
            run.unsaved = True
            self._spawn(self._save(run))

    async def _save(self, run: TaskRun) -> None:
        async with run.saving:
            run.unsaved = False
            await self.store.put(run.record)

    def _spawn(self, chore: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(chore)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    # Finding ------------------------------------------------------------------------------------

    async def find(self, exchange: Exchange, task_id: object) -> tuple[TaskRecord, TaskRun | None]:
        """Return a task of the one who asks, and who carries it out if somebody does.

        Raises `RemoteProtocolError`: -32602 if he has no such task, -32021 if a modern client did not declare the
        extension.
        """
        if exchange.revision.modern and not declares_extension(exchange.capabilities):
            raise extension_required()
        if not isinstance(task_id, str):
            raise RemoteProtocolError(Code.INVALID_PARAMS, "Invalid params: taskId must be a string")
        await self._forget_expired()
        run = self._live.get(task_id)
        record = await self.store.find(task_id) if run is None else run.record
        if record is None or record.owner != self._owner(exchange):
            raise unknown_task()
        return record, run

    async def states(self, exchange: Exchange, task_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the states of those of the named tasks that belong to the one who asks, by id."""
        found: dict[str, dict[str, Any]] = {}
        for task_id in task_ids:
            with contextlib.suppress(RemoteProtocolError):
                found[task_id] = described(*await self.find(exchange, task_id), exchange.revision)
        return found

    async def own(self, exchange: Exchange) -> list[TaskRecord]:
        """Return all tasks of the one who asks, oldest first."""
        await self._forget_expired()
        records = await self.store.of(self._owner(exchange))
        return [self._live[record.task.id].record if record.task.id in self._live else record for record in records]

    # Ending -------------------------------------------------------------------------------------

    async def cancel(self, record: TaskRecord, run: TaskRun | None) -> Task:
        """Cancel a task that has not ended and return its new state; its handler is stopped."""
        words = "The task was cancelled by request"
        if run is None:
            task = record.task.moved(Status.CANCELLED, self.now(), words)
            await self.store.put(msgspec.structs.replace(record, task=task))
            return task
        run.cancel(words)
        await self._save(run)
        return run.record.task

    def _session_closed(self, session: Session) -> None:
        """Let the tasks of a session go on without it, or end with it where they are its own."""
        session.on_close = None
        key = self._keys.pop(session, None)
        for run in list(self._live.values()):
            if key is not None and run.record.owner == key:
                self._drop(run, "The session has ended")
            elif run.session is session:
                run.session = None
        if key is not None:
            self._spawn(self._forget(key))

    def _drop(self, run: TaskRun, why: str) -> None:
        self._live.pop(run.record.task.id, None)
        run.session = None
        run.cancel(why)

    async def _forget(self, owner: str) -> None:
        for record in await self.store.of(owner):
            await self.store.remove(record.task.id)

    async def _forget_expired(self) -> None:
        now = self.now()
        if self._due is None or now < self._due:
            return
        self._due = None
        for run in [run for run in self._live.values() if run.record.expires_at <= now]:
            run.end(ErrorResponse(None, Code.INTERNAL_ERROR, "The task's time was over before its work was done"))
            self._drop(run, "expired")
        due = await self.store.expire(now)
        if due is not None:
            self._schedule(due)

    def _schedule(self, due: float) -> None:
        if self._due is not None and self._due <= due and self._timer is not None:
            return
        self._due = due if self._due is None else min(due, self._due)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(self._due - self.now(), _GRAIN), self._wake)

    def _wake(self) -> None:
        self._timer = None
        if self._due is not None and self.now() < self._due:
            self._schedule(self._due)  # the loop's clock is another one, and was faster
        else:
            self._spawn(self._forget_expired())

    def open(self) -> None:
        """Keep time again for the tasks that an earlier life of the server has left: they can still be asked for."""
        if self._due is not None:
            self._schedule(self._due)

    async def close(self) -> None:
        """End all tasks: the server is going away."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for run in list(self._live.values()):
            run.cancel("The server is shutting down")
        if self._chores:
            await asyncio.wait(self._chores, timeout=_GRACE)
