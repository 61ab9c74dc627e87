"""SQLite: processes with a connection each, which do one statement at a time and can be ended while they do.

A thread here waits for each process, as `sqlite_worker` answers in order.
"""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import quote

import msgspec

from reference_impl.servers.database.engine import Parameters, QueryError, UnavailableError
from reference_impl.servers.database.results import QueryResult
from reference_impl.servers.database.safety import Dialect
from reference_impl.servers.database.sample import write_sample
from reference_impl.servers.database.settings import DatabaseSettings
from reference_impl.servers.database.sqlite_worker import Answer, Setup, Task, receive, send
from reference_impl.servers.database.tables import Table, TableName

__all__ = ["SqliteEngine"]

_Value = TypeVar("_Value")
_GRACE = 2.0
"""Seconds that a statement gets to notice that it is over, before its process is ended."""
_STARTING = 60.0
"""Seconds that a process may take to start, on a machine that does much else."""
_START = (
    "import sys; sys.path[:] = sys.argv[1:]\nfrom reference_impl.servers.database.sqlite_worker import main; main()"
)
_HOME = Path(__file__).parents[3]


class _Worker:
    """A process. `greet`, `ask` and `end` wait, and are for threads; `ending` is there once `end` was called."""

    def __init__(self, setup: Setup) -> None:
        command = (sys.executable, "-S", "-c", _START, *sys.path, str(_HOME))
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, and a program of ours
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdin is not None  # both were asked for
        assert self._process.stdout is not None
        self._requests: IO[bytes] = self._process.stdin
        self._answers: IO[bytes] = self._process.stdout
        self._path = setup.path
        self._changing = False
        self.greeted = False
        self.ending: Future[None] | None = None
        with suppress(OSError):  # it has ended already, as will be seen
            send(self._requests, setup)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def greet(self) -> None:
        """Wait until it has started. Raises `UnavailableError`."""
        if receive(self._answers) is None:
            raise UnavailableError("The process that talks to the database did not start")
        self.greeted = True

    def ask(self, task: Task) -> Answer:
        """Do a task. Raises `UnavailableError`."""
        self._changing = task.kind == "change"
        try:
            send(self._requests, task)
        except OverflowError:  # of this and the next, nothing was written
            return Answer(failure="refused", words="SQLite: an integer among the parameters is too large")
        except UnicodeEncodeError:
            return Answer(failure="refused", words="SQLite: a text holds half of a surrogate pair")
        except OSError:
            raise UnavailableError("The process that talks to the database has ended: try again") from None
        raw = receive(self._answers)
        if raw is None:
            raise UnavailableError("The process that ran the statement was ended: ask for less")
        self._changing = False
        return msgspec.msgpack.decode(raw, type=Answer)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def end(self) -> None:
        """Have it stop what it does, undo that, and end; or kill it, and undo that: who only reads cannot."""
        with suppress(OSError):
            self._requests.close()
        try:
            self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()
        if self._changing:
            uri = f"file:{quote(self._path)}?mode=rw"
            with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_schema")


@dataclass(slots=True)
class _Running:
    """What lives from `open` to `close`. `workers` are all that have not ended, `idle` those that wait for a task.
    Each has two threads, one that waits for an answer and one that ends it; a further one waits for all to end.
    """

    threads: ThreadPoolExecutor
    free: asyncio.Semaphore
    path: Path
    folder: tempfile.TemporaryDirectory[str] | None
    idle: list[_Worker] = field(default_factory=list)
    workers: set[_Worker] = field(default_factory=set)


class SqliteEngine:
    """One file; None makes a sample in a temporary file, which is gone afterwards."""

    dialect: Dialect = "sqlite"
    placeholders = "? in order, or :name"

    def __init__(self, path: Path | None, settings: DatabaseSettings) -> None:
        self._path = path
        self._settings = settings
        self._now: _Running | None = None

    async def open(self) -> None:
        """Start the first process, and write the sample if that is what is served."""
        settings = self._settings
        folder, path = None, self._path
        if path is None:
            folder = tempfile.TemporaryDirectory(prefix="touchstone-sample-", ignore_cleanup_errors=True)
            path = Path(folder.name, "sample.db")
            await asyncio.to_thread(write_sample, path)
        threads = ThreadPoolExecutor(2 * settings.connections + 1, "sqlite")
        now = self._now = _Running(threads, asyncio.Semaphore(settings.connections), path.absolute(), folder)
        now.idle.append(self._started(now))

    async def close(self) -> None:
        """End the processes: those that are busy undo what they do, or are killed a little later."""
        now, self._now = self._now, None
        if now is None:
            return
        ends = [_retired(now, worker) for worker in tuple(now.workers)]
        closed = now.threads.submit(_closed, ends, now.folder)
        now.threads.shutdown(wait=False)
        await asyncio.shield(asyncio.wrap_future(closed))  # whoever is cancelled here need not wait for it

    async def read(self, query: str, params: Parameters, limit: int) -> QueryResult:
        """Run one statement that cannot change anything."""
        return await self._run(Task("select", query, params, limit), QueryResult)

    async def write(self, query: str, params: Parameters, limit: int) -> QueryResult:
        """Run one statement that changes data, in a transaction."""
        return await self._run(Task("change", query, params, limit), QueryResult)

    async def explain(self, query: str, params: Parameters) -> list[str]:
        """Return the plan."""
        return await self._run(Task("plan", query, params), list[str])

    async def tables(self, most: int) -> list[TableName]:
        """Return tables and views."""
        return await self._run(Task("tables", limit=most), list[TableName])

    async def table(self, name: str) -> Table | None:
        """Return one of them."""
        found = await self._run(Task("table", name), list[Table])
        return found[0] if found else None

    async def _run(self, task: Task, kind: type[_Value]) -> _Value:
        now = self._now
        if now is None:
            raise UnavailableError("The database is not open")
        try:
            async with asyncio.timeout(self._settings.wait):
                await now.free.acquire()
        except TimeoutError:
            raise UnavailableError(_all_busy(self._settings)) from None
        try:
            worker = self._taken(now)
        except BaseException:
            now.free.release()
            raise
        try:
            answer = await self._answered(now, worker, task)
        except BaseException:
            asyncio.wrap_future(_retired(now, worker)).add_done_callback(lambda _ended: now.free.release())
            raise
        now.idle.append(worker)
        now.free.release()
        match answer.failure:
            case "late":
                raise QueryError(_too_slow(self._settings))
            case "unavailable":
                raise UnavailableError(answer.words)
            case "refused":
                raise QueryError(answer.words)
        return msgspec.msgpack.decode(answer.value, type=kind)

    def _taken(self, now: _Running) -> _Worker:
        """Return an idle process, or a new one; there are as many as the semaphore lets through. Raises
        `UnavailableError`."""
        if self._now is not now:
            raise UnavailableError("The database is not open")
        while now.idle:
            worker = now.idle.pop()
            if not worker.ended:
                return worker
            _retired(now, worker)
        try:
            return self._started(now)
        except OSError:
            raise UnavailableError("No process can be started to talk to the database: try again later") from None

    def _started(self, now: _Running) -> _Worker:
        worker = _Worker(Setup(str(now.path), self._settings))
        now.workers.add(worker)
        return worker

    async def _answered(self, now: _Running, worker: _Worker, task: Task) -> Answer:
        """Wait for a process as long as it may take. Raises `QueryError` and `UnavailableError`; whoever is cancelled
        leaves it behind."""
        if not worker.greeted and not await _within(_STARTING, now.threads, worker.greet):
            raise UnavailableError("The process that talks to the database did not start in time")
        done = await _within(self._settings.timeout + _GRACE, now.threads, partial(worker.ask, task))
        if not done:
            worker.kill()
            raise QueryError(_too_slow(self._settings))
        return done[0]


async def _within(seconds: float, threads: ThreadPoolExecutor, job: Callable[[], _Value]) -> list[_Value]:
    """Return what a thread comes to, or nothing if that takes longer."""
    future = asyncio.get_running_loop().run_in_executor(threads, job)
    future.add_done_callback(_seen)
    done, _ = await asyncio.wait((future,), timeout=seconds)
    return [future.result()] if done else []


def _retired(now: _Running, worker: _Worker) -> Future[None]:
    """Have a process end, in a thread; return what says when it has."""
    if worker.ending is None:
        worker.ending = now.threads.submit(worker.end)
        worker.ending.add_done_callback(lambda _ended: now.workers.discard(worker))
    return worker.ending


def _closed(ends: list[Future[None]], folder: tempfile.TemporaryDirectory[str] | None) -> None:
    wait(ends)
    if folder is not None:
        folder.cleanup()


def _all_busy(settings: DatabaseSettings) -> str:
    return f"All {settings.connections} connections have been busy for {settings.wait:g} s: try again later"


def _too_slow(settings: DatabaseSettings) -> str:
    return f"The statement was stopped after {settings.timeout:g} s: ask for less, or use explain_query to see why"


def _seen(future: asyncio.Future[Any]) -> None:
    """Look at what a thread raised, as nobody else may be there to."""
    if not future.cancelled():
        future.exception()
