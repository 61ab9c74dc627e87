"""SQLite: connections that only read, each lent to one worker thread at a time."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from reference_impl.servers.database.engine import Parameters, QueryError, UnavailableError
from reference_impl.servers.database.results import Gathering, QueryResult
from reference_impl.servers.database.safety import Dialect
from reference_impl.servers.database.sample import write_sample
from reference_impl.servers.database.settings import DatabaseSettings
from reference_impl.servers.database.sqlite_guard import Guard, hardened
from reference_impl.servers.database.sqlite_statements import change, plan, select, table_names, table_of
from reference_impl.servers.database.tables import Table, TableName

__all__ = ["SqliteEngine"]

_Value = TypeVar("_Value")
_GRACE = 2.0
"""Seconds that a statement gets to notice that it is over, before nobody waits for it any more."""
_TICK = 1000
"""Instructions of SQLite's machine between two looks at the clock."""
_BUSY = 2.0
"""Seconds to wait for a lock of another process."""


@dataclass(slots=True)
class _Ticket:
    """One statement under way: when it must end, and whether it was given up before."""

    deadline: float
    given_up: bool = False

    @property
    def late(self) -> bool:
        return time.monotonic() > self.deadline

    def over(self) -> bool:
        """Answer SQLite whether to stop."""
        return self.given_up or self.late


@dataclass(slots=True)
class _Opened:
    """A connection, its guard, and the file that it is of, which somebody may have put another in the place of."""

    connection: sqlite3.Connection
    guard: Guard
    identity: tuple[int, int]


@dataclass(slots=True)
class _Running:
    """What lives from `open` to `close`."""

    threads: ThreadPoolExecutor
    free: asyncio.Semaphore
    path: Path
    folder: tempfile.TemporaryDirectory[str] | None
    idle: list[_Opened] = field(default_factory=list)


class SqliteEngine:
    """One file; None makes a sample in a temporary file, which is gone afterwards."""

    dialect: Dialect = "sqlite"
    placeholders = "? in order, or :name"

    def __init__(self, path: Path | None, settings: DatabaseSettings) -> None:
        self._path = path
        self._settings = settings
        self._now: _Running | None = None

    async def open(self) -> None:
        """Start the threads, and write the sample if that is what is served."""
        settings = self._settings
        threads = ThreadPoolExecutor(settings.connections, "sqlite")
        folder, path = None, self._path
        if path is None:
            folder = tempfile.TemporaryDirectory(prefix="touchstone-sample-", ignore_cleanup_errors=True)
            path = Path(folder.name, "sample.db")
            await asyncio.to_thread(write_sample, path)
        self._now = _Running(threads, asyncio.Semaphore(settings.connections), path, folder)

    async def close(self) -> None:
        """Close the connections; a statement under way keeps its own until it ends."""
        now, self._now = self._now, None
        if now is None:
            return
        now.threads.shutdown(wait=False, cancel_futures=True)
        while (opened := _popped(now.idle)) is not None:
            opened.connection.close()
        if now.folder is not None:
            now.folder.cleanup()

    async def read(self, query: str, params: Parameters, limit: int) -> QueryResult:
        """Run one statement that cannot change anything."""
        return await self._run(partial(select, query, params, Gathering(self._settings, limit)))

    async def write(self, query: str, params: Parameters, limit: int) -> QueryResult:
        """Run one statement that changes data, in a transaction."""
        job = partial(change, query, params, Gathering(self._settings, limit), self._settings.max_changes)
        return await self._run(job, write=True)

    async def explain(self, query: str, params: Parameters) -> list[str]:
        """Return the plan."""
        return await self._run(partial(plan, query, params))

    async def tables(self, most: int) -> list[TableName]:
        """Return tables and views."""
        return await self._run(partial(table_names, most))

    async def table(self, name: str) -> Table | None:
        """Return one of them."""
        return await self._run(partial(table_of, name))

    async def _run(self, job: Callable[[sqlite3.Connection], _Value], *, write: bool = False) -> _Value:
        now = self._now
        if now is None:
            raise UnavailableError("The database is not open")
        try:
            async with asyncio.timeout(self._settings.wait):
                await now.free.acquire()
        except TimeoutError:
            raise UnavailableError(_all_busy(self._settings)) from None
        ticket = _Ticket(time.monotonic() + self._settings.timeout)
        work = partial(self._worked, now, ticket, job, write=write)
        future = asyncio.get_running_loop().run_in_executor(now.threads, work)
        future.add_done_callback(lambda _done: now.free.release())
        return await self._awaited(future, ticket)

    async def _awaited(self, future: asyncio.Future[_Value], ticket: _Ticket) -> _Value:
        """Wait for a thread; whoever is cancelled, or waits in vain, tells it to stop and leaves it behind."""
        try:
            done, _ = await asyncio.wait((future,), timeout=self._settings.timeout + _GRACE)
        except asyncio.CancelledError:
            ticket.given_up = True
            with suppress(asyncio.CancelledError):
                await asyncio.wait((future,), timeout=_GRACE)
            raise
        finally:
            future.add_done_callback(_seen)
        if not done:
            raise QueryError(_too_slow(self._settings))
        return future.result()

    def _worked(
        self, now: _Running, ticket: _Ticket, job: Callable[[sqlite3.Connection], _Value], *, write: bool
    ) -> _Value:
        """Run in a thread of ours. Raises `QueryError` and `UnavailableError`."""
        opened = self._taken(now, ticket, write=write)
        connection, guard = opened.connection, opened.guard
        guard.denied = None
        try:
            value = job(connection)
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
            connection.close()
            raise self._told(error, ticket, guard) from None
        except BaseException:
            connection.close()
            raise
        connection.set_progress_handler(None, 0)
        if write or self._now is not now:
            connection.close()
        else:
            now.idle.append(opened)
        return value

    def _taken(self, now: _Running, ticket: _Ticket, *, write: bool) -> _Opened:
        try:
            found = now.path.stat()
            identity = found.st_dev, found.st_ino
            while not write and (opened := _popped(now.idle)) is not None:
                if opened.identity == identity:
                    opened.connection.set_progress_handler(ticket.over, _TICK)
                    return opened
                opened.connection.close()
            return self._opened(now.path, identity, ticket, write=write)
        except (OSError, sqlite3.Error):
            raise UnavailableError("The database file cannot be opened now") from None

    @staticmethod
    def _opened(path: Path, identity: tuple[int, int], ticket: _Ticket, *, write: bool) -> _Opened:
        uri = f"file:{quote(os.fspath(path))}?mode={'rw' if write else 'ro'}"
        connection = sqlite3.connect(uri, _BUSY, uri=True, isolation_level=None, check_same_thread=False)
        try:
            connection.set_progress_handler(ticket.over, _TICK)  # before virtual tables run what the file says
            connection.text_factory = partial(str, encoding="utf-8", errors="replace")
            return _Opened(connection, hardened(connection, write=write), identity)
        except BaseException:
            connection.close()
            raise

    def _told(self, error: Exception, ticket: _Ticket, guard: Guard) -> QueryError:
        """Return what a model may know of it."""
        if ticket.late:
            return QueryError(_too_slow(self._settings))
        if guard.denied is not None:
            return QueryError(f"SQLite denied it: {guard.denied} is not allowed here")
        if isinstance(error, MemoryError):
            return QueryError("The statement needs more memory than there is")
        return QueryError(f"SQLite: {error}")


def _popped(idle: list[_Opened]) -> _Opened | None:
    """Take a connection that nobody uses, in any thread."""
    try:
        return idle.pop()
    except IndexError:
        return None


def _all_busy(settings: DatabaseSettings) -> str:
    return f"All {settings.connections} connections have been busy for {settings.wait:g} s: try again later"


def _too_slow(settings: DatabaseSettings) -> str:
    return f"The statement was stopped after {settings.timeout:g} s: ask for less, or use explain_query to see why"


def _seen(future: asyncio.Future[Any]) -> None:
    """Look at what a thread raised, as nobody else may be there to."""
    if not future.cancelled():
        future.exception()
