"""The process in which a connection of SQLite lives.

SQLite looks between two instructions of its machine whether a statement is to stop, and one instruction can take days:
`instr`, `trim` or `printf` on large values. No thread can be rid of that, but a process can be killed. Its memory and
the files that it may write have bounds besides. It imports little, so that it starts fast.
"""

from __future__ import annotations

import os
import select
import signal
import sqlite3
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import quote

import msgspec

from reference_impl.servers.database import sqlite_statements as statements
from reference_impl.servers.database.results import Gathering
from reference_impl.servers.database.settings import DatabaseSettings
from reference_impl.servers.database.sqlite_guard import Guard, hardened

__all__ = ["HEAP", "Answer", "Setup", "Task", "main", "receive", "send"]

HEAP = 64 * 1024 * 1024
"""Bytes that SQLite may use in one process."""
_SPILLED = 1024 * 1024 * 1024
"""Bytes of one temporary file of a statement that reads."""
_TICK = 1000
"""Instructions of SQLite's machine between two looks at the clock."""
_BUSY = 2.0
"""Seconds to wait for a lock of another process."""
_SLACK = 5
"""Seconds of the processor's time that a statement may take beyond its time, before the system ends the process."""
_SIZE = struct.Struct(">I")
_NOTHING = msgspec.Raw(msgspec.msgpack.encode(None))


class Setup(msgspec.Struct, frozen=True):
    """The file, and the bounds of a statement."""

    path: str
    settings: DatabaseSettings


class Task(msgspec.Struct, frozen=True):
    """A statement, or a question about tables: `query` is the name of the table then, `limit` a number of tables."""

    kind: Literal["select", "change", "plan", "tables", "table"]
    query: str = ""
    params: Any = ()
    limit: int = 0


class Answer(msgspec.Struct, frozen=True):
    """What came of a task, encoded; or why nothing did, and in which words."""

    value: msgspec.Raw = _NOTHING
    failure: Literal["late", "unavailable", "refused"] | None = None
    words: str = ""


def send(stream: IO[bytes], message: Any) -> None:
    """Write a message. Raises `OSError`, and `UnicodeEncodeError` or `OverflowError` for what no message can hold."""
    raw = msgspec.msgpack.encode(message)
    stream.write(_SIZE.pack(len(raw)) + raw)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """Read a message; None at the end of the stream."""
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    raw = stream.read(size := _SIZE.unpack(head)[0])
    return raw if len(raw) == size else None


@dataclass(frozen=True, slots=True)
class _Opened:
    """A connection, its guard, and the file that it is of, which somebody may have put another in the place of."""

    connection: sqlite3.Connection
    guard: Guard
    identity: tuple[int, int]


class _Desk:
    """Does one task after the other, on one connection."""

    def __init__(self, setup: Setup) -> None:
        self._path = Path(setup.path)
        self._settings = setup.settings
        self._opened: _Opened | None = None
        self._deadline = 0.0

    def do(self, task: Task) -> Answer:
        """Do a task. After whatever goes wrong the connection is closed, which undoes what was not committed."""
        self._deadline = time.monotonic() + self._settings.timeout
        _bound_resources(self._settings.timeout, write=task.kind == "change")
        try:
            opened = self._connected(write=task.kind == "change")
        except (OSError, sqlite3.Error):
            return Answer(failure="unavailable", words="The database file cannot be opened now")
        opened.guard.denied = None
        try:
            value = self._job(task)(opened.connection)
        except statements.RefusedError as error:
            self._close()
            return Answer(failure="refused", words=str(error))
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
            self._close()
            return Answer(failure="late") if self._late else Answer(failure="refused", words=_told(error, opened.guard))
        if task.kind == "change":
            self._close()
        return Answer(msgspec.Raw(msgspec.msgpack.encode(value)))

    def _job(self, task: Task) -> Callable[[sqlite3.Connection], Any]:
        gathering = Gathering(self._settings, task.limit)
        match task.kind:
            case "select":
                return partial(statements.select, task.query, task.params, gathering)
            case "change":
                return partial(statements.change, task.query, task.params, gathering, self._settings.max_changes)
            case "plan":
                return partial(statements.plan, task.query, task.params)
            case "tables":
                return partial(statements.table_names, task.limit)
        return partial(statements.tables_called, task.query)

    def _connected(self, *, write: bool) -> _Opened:
        """Return the connection that there is; what changes something has one of its own."""
        found = self._path.stat()
        identity = found.st_dev, found.st_ino
        if not write and self._opened is not None and self._opened.identity == identity:
            return self._opened
        self._close()
        uri = f"file:{quote(os.fspath(self._path))}?mode={'rw' if write else 'ro'}"
        connection = sqlite3.connect(uri, min(_BUSY, self._settings.timeout / 2), uri=True, isolation_level=None)
        try:
            connection.set_progress_handler(self._over, _TICK)  # before virtual tables run what the file says
            connection.text_factory = partial(str, encoding="utf-8", errors="replace")
            connection.execute(f"PRAGMA hard_heap_limit = {HEAP}")
            self._opened = _Opened(connection, hardened(connection, write=write), identity)
        except BaseException:
            connection.close()
            raise
        return self._opened

    def _close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.connection.close()

    @property
    def _late(self) -> bool:
        return time.monotonic() > self._deadline

    def _over(self) -> bool:
        """Answer SQLite whether to stop."""
        return self._late or _given_up()


def _told(error: Exception, guard: Guard) -> str:
    """Return what a model may know of it."""
    if guard.denied is not None:
        return f"SQLite denied it: {guard.denied} is not allowed here"
    if isinstance(error, MemoryError):
        return "The statement needs more memory than it may have: ask for fewer or shorter values"
    return f"SQLite: {error}"


def _given_up() -> bool:
    """Whether nobody waits any more: then the other end of standard input is closed."""
    if not hasattr(select, "poll"):  # as on Windows, where whoever does not wait any more ends the process
        return False
    poll = select.poll()
    poll.register(0, 0)
    return bool(poll.poll(0))


def _bound_resources(seconds: float, *, write: bool) -> None:
    """Let the system end this process if nobody else does, and let temporary files not fill the disk."""
    try:
        import resource
    except ImportError:  # as on Windows
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + _SLACK
    for kind, bound in ((resource.RLIMIT_CPU, most), (resource.RLIMIT_FSIZE, None if write else _SPILLED)):
        hard = resource.getrlimit(kind)[1]
        soft = hard if bound is None or 0 <= hard < bound else bound
        with suppress(OSError, ValueError):  # where the operator's own bounds are lower
            resource.setrlimit(kind, (soft, hard))


def main() -> None:
    """Greet, then do the tasks that come on standard input until it ends; the first message is the setup."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt at a terminal is for whoever started this
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    raw = receive(requests)
    if raw is None:
        return
    desk = _Desk(msgspec.msgpack.decode(raw, type=Setup))
    try:
        send(answers, None)
        while (raw := receive(requests)) is not None:
            send(answers, desk.do(msgspec.msgpack.decode(raw, type=Task)))
    except BrokenPipeError:
        os._exit(0)  # without a word about what could not be written
