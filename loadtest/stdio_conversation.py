"""Clients of a server on standard input and output: a process, its pipes, and the conversations that share it.

Lines are read and written in batches, so that the generator's own system calls do not set the pace. POSIX only: gevent
has no non-blocking pipes elsewhere.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterable

import gevent
import gevent.event
import gevent.hub
import gevent.lock
import gevent.monkey
import gevent.os
import gevent.subprocess
from msgspec import Struct

from loadtest.exchange import Exchange, OpeningError, failure_of
from loadtest.sample import Failure
from loadtest.wire import Expected, Sign, Template, answer_to_server, initialize, initialized, judge, response_id
from loadtest.workload import StdioTarget
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.lines import LineReader, Overlong
from reference_impl.protocol.messages import encode
from reference_impl.protocol.revisions import Revision

__all__ = ["StdioConversation", "StdioProcess"]

# gevent's own `os.close` puts the call off until its loop next wakes, and the server would not see its input end.
_close = gevent.monkey.get_original("os", "close")
_CHUNK = 65536
_STDERR_KEPT = 2000
_REAP_SECONDS = 0.05
"""How often requests are looked through for those out of time: one timer for all, instead of one for each."""
_GRACE_SECONDS = 1.0
"""How long a process may take to end after its input did, and again after SIGTERM (`basic/lifecycle#shutdown`)."""


class _Waiting(Struct, eq=False):
    """A request in flight: who waits, for what, since when and until when."""

    waiter: gevent.hub.Waiter
    expected: Expected
    sent: float
    deadline: float


class StdioProcess:
    """A server process and the requests in flight on its pipes.

    `on_stray` is told of what comes that nobody asked for: lines that are no message, answers to ids never used.
    A process that ended stays ended: that is a finding, not something to paper over.
    """

    def __init__(
        self, target: StdioTarget, revision: Revision, timeout: float, on_stray: Callable[[Failure], None]
    ) -> None:
        self._target = target
        self._revision = revision
        self._timeout = timeout
        self._on_stray = on_stray
        self._ids = itertools.count(1)
        self._issued = 0
        self._pending: dict[int, _Waiting] = {}
        self._expired: set[int] = set()
        self._outgoing: list[bytes] = []
        self._work = gevent.event.Event()
        self._opening = gevent.lock.RLock()
        self._opened = False
        self._ended: Failure | None = None
        self._stderr = b""
        self._fds: list[int] = []
        self._greenlets: list[gevent.Greenlet] = []
        self._popen: gevent.subprocess.Popen | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None before the start."""
        return None if self._popen is None else int(self._popen.pid)

    def open(self) -> Exchange | None:
        """Start the process and do the handshake, once for all who share it. Raises `OpeningError`.

        Returns None where somebody else had done it.
        """
        with self._opening:
            if self._ended is not None:
                raise OpeningError(self._ended)
            if self._opened:
                return None
            exchange = self._open()
            self._opened = True
            return exchange

    def _open(self) -> Exchange:
        began = time.perf_counter()
        try:
            self._start()
        except OSError as problem:
            self._ended = failure_of(problem, "start")
            raise OpeningError(self._ended) from problem
        if self._revision.modern:
            now = time.perf_counter()
            return Exchange(began, now, now, 0, None)
        request_id = self.next_id()
        exchange = self.exchange(encode(initialize(request_id, self._revision)), Expected(request_id))
        if exchange.failure is not None:
            self._ended = exchange.failure
            raise OpeningError(exchange.failure)
        self._send(encode(initialized()))
        return exchange

    def next_id(self) -> int:
        """Return a request id that this process has not seen."""
        self._issued = next(self._ids)
        return self._issued

    def exchange(self, line: bytes, expected: Expected) -> Exchange:
        """Send a request and wait for its answer, at most the timeout. Other greenlets go on meanwhile."""
        sent = time.perf_counter()
        if self._ended is not None:
            return Exchange(sent, sent, sent, 0, self._ended)
        waiting = _Waiting(gevent.hub.Waiter(), expected, sent, sent + self._timeout)
        self._pending[expected.request_id] = waiting
        self._send(line)
        try:
            answer: Exchange = waiting.waiter.get()
        finally:
            self._pending.pop(expected.request_id, None)
        return answer

    def _send(self, line: bytes) -> None:
        self._outgoing.append(line)
        self._work.set()

    def _start(self) -> None:
        theirs, ours = self._pipes()
        try:
            self._popen = gevent.subprocess.Popen(
                self._target.argv,
                stdin=theirs[0],
                stdout=theirs[1],
                stderr=theirs[2],
                cwd=self._target.cwd,
                env=os.environ | self._target.env,
            )
        except OSError:
            _close_all(ours)
            raise
        finally:
            _close_all(theirs)
        self._fds = list(ours)
        for fd in ours:
            gevent.os.make_nonblocking(fd)
        self._greenlets = [gevent.spawn(loop) for loop in (self._write, self._read, self._drain, self._reap)]

    @staticmethod
    def _pipes() -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
        return (stdin[0], stdout[1], stderr[1]), (stdin[1], stdout[0], stderr[0])

    def _write(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            batch, self._outgoing = self._outgoing, []
            view = memoryview(b"\n".join(batch) + b"\n")
            while view:
                try:
                    view = view[gevent.os.nb_write(self._fds[0], view[:_CHUNK]) :]
                except OSError:
                    return  # The reader sees the end as well and says so to everybody.

    def _read(self) -> None:
        lines = LineReader()
        while chunk := gevent.os.nb_read(self._fds[1], _CHUNK):
            at = time.perf_counter()
            for line in lines.feed(chunk):
                self._take(line, at)
        self._end(self._last_words())

    def _last_words(self) -> Failure:
        code = self._exit_code()
        gevent.sleep(0)  # The drain may have more to read of what it said.
        said = self._stderr.decode("utf-8", "replace").strip()
        how = "closed its output" if code is None else f"ended with exit code {code}"
        return Failure(ErrorClass.TRANSPORT, "closed", f"the process {how}{': ' + said if said else ''}")

    def _exit_code(self) -> int | None:
        """Return the exit code of the process, None if it does not end within the grace."""
        assert self._popen is not None
        try:
            return int(self._popen.wait(timeout=_GRACE_SECONDS))
        except gevent.subprocess.TimeoutExpired:
            return None

    def _take(self, line: bytes | Overlong, at: float) -> None:
        if isinstance(line, Overlong):
            self._on_stray(Failure(ErrorClass.TRANSPORT, "too-large", "a line is longer than the reader takes"))
            return
        identifier = response_id(line)
        if identifier is None:
            self._unrelated(line)
            return
        waiting = self._pending.pop(identifier, None)
        if waiting is not None:
            verdict = judge(line, waiting.expected)
            failure = verdict if isinstance(verdict, Failure) else None
            _wake(waiting, Exchange(waiting.sent, at, at, len(line) + 1, failure))
        elif identifier in self._expired:
            self._expired.discard(identifier)
        else:
            self._on_stray(
                Failure(ErrorClass.JSON_RPC, "wrong-id", f"an answer to id {identifier}, which is not asked")
            )

    def _unrelated(self, line: bytes) -> None:
        reply = answer_to_server(line)
        if reply is not None:
            self._send(reply)
            return
        if judge(line, Expected(0)) is not Sign.UNRELATED:
            said = line[:200].decode("utf-8", "replace")
            self._on_stray(
                Failure(ErrorClass.TRANSPORT, "stray", f"standard output carries what is no message: {said}")
            )

    def _drain(self) -> None:
        # A pipe that nobody reads stops a talkative server.
        while chunk := gevent.os.nb_read(self._fds[2], _CHUNK):
            self._stderr = (self._stderr + chunk)[-_STDERR_KEPT:]

    def _reap(self) -> None:
        while True:
            gevent.sleep(_REAP_SECONDS)
            now = time.perf_counter()
            for identifier in [each for each, waiting in self._pending.items() if waiting.deadline <= now]:
                waiting = self._pending.pop(identifier)
                self._expired.add(identifier)
                failure = Failure(ErrorClass.TIMEOUT, "receive", f"no answer within {self._timeout:g} s")
                _wake(waiting, Exchange(waiting.sent, now, now, 0, failure))

    def _end(self, failure: Failure) -> None:
        self._ended = failure
        now = time.perf_counter()
        pending, self._pending = self._pending, {}
        for waiting in pending.values():
            _wake(waiting, Exchange(waiting.sent, now, now, 0, failure))

    def close(self) -> None:
        """End the process: close its input, then ask, then kill; then close the pipes."""
        gevent.killall(self._greenlets)
        self._ended = self._ended or Failure(ErrorClass.TRANSPORT, "closed", "the run is over")
        _close_all(self._fds[:1])
        if self._popen is not None and self._exit_code() is None:
            self._popen.terminate()
            if self._exit_code() is None:
                self._popen.kill()
                self._popen.wait()
        _close_all(self._fds[1:])
        self._fds = []


def _wake(waiting: _Waiting, exchange: Exchange) -> None:
    gevent.get_hub().loop.run_callback(waiting.waiter.switch, exchange)


def _close_all(fds: Iterable[int]) -> None:
    for fd in fds:
        _close(fd)


class StdioConversation:
    """One client of a process, which it may share with others; `owned` says that it ends the process with itself."""

    def __init__(self, process: StdioProcess, *, owned: bool) -> None:
        self._process = process
        self._owned = owned
        self.is_open = False

    def open(self) -> Exchange | None:
        """See that the process runs and the handshake is done. Raises `OpeningError`."""
        exchange = self._process.open()
        self.is_open = True
        return exchange

    def call(self, template: Template, marker: int) -> Exchange:
        """Send an operation and wait for its answer, at most the timeout."""
        request_id = self._process.next_id()
        expected = Expected(request_id, b"%d" % marker if template.echoes else None)
        return self._process.exchange(template.body(request_id, marker), expected)

    def close(self) -> None:
        """End the process if it is ours alone."""
        if self._owned:
            self._process.close()
