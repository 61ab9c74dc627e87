"""A server on standard input and output as a link: a process, its pipes, and the conversations that share it.

Lines are read and written in batches, so that the generator's own system calls do not set the pace. POSIX only: gevent
has no non-blocking pipes elsewhere.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable

import gevent
import gevent.event
import gevent.lock
import gevent.monkey
import gevent.os
import gevent.subprocess

from loadtest.channel import Channel
from loadtest.channel_conversation import handshake
from loadtest.exchange import Client, Exchange, OpeningError, failure_of
from loadtest.incoming import capabilities_for
from loadtest.sample import Failure
from loadtest.wire import Expected, Message, discover
from loadtest.workload import StdioTarget
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.lines import LineReader, Overlong

__all__ = ["StdioProcess"]

# gevent's own `os.close` puts the call off until its loop next wakes, and the server would not see its input end.
_close = gevent.monkey.get_original("os", "close")
_CHUNK = 65536
_STDERR_KEPT = 2000
_GRACE_SECONDS = 1.0
"""How long a process may take to end after its input did, and again after SIGTERM (`basic/lifecycle#shutdown`)."""


class StdioProcess:
    """A server process. One that ended by itself stays ended: that is a finding, not something to paper over; one that
    was closed is started anew when it is opened again.

    With `greets` it is open once it has answered something, also at a modern revision, which knows no handshake: else
    those who call first would wait for the start of the process, and their calls would be said to be slow.
    """

    renewable = False

    def __init__(self, target: StdioTarget, client: Client, *, greets: bool = False) -> None:
        self.client = client
        self._greets = greets and client.revision.modern
        self._target = target
        self._work = gevent.event.Event()
        self._opening = gevent.lock.RLock()
        self._fds: list[int] = []
        self._greenlets: list[gevent.Greenlet] = []
        self._popen: gevent.subprocess.Popen | None = None
        self.closed = False
        """Whether it was closed since it was opened last."""
        self._reset()

    def _reset(self) -> None:
        self.channel = Channel(self.client, self._send)
        self._opened = False
        self._outgoing: list[bytes] = []
        self._stderr = b""

    @property
    def pid(self) -> int | None:
        """The process id, None before the start and after the end."""
        return None if self._popen is None else int(self._popen.pid)

    def open(self) -> Exchange | None:
        """Start the process and do the handshake, once for all who share it. Raises `OpeningError`.

        Returns None where somebody else had done it.
        """
        with self._opening:
            if self.channel.ended is not None:
                raise OpeningError(self.channel.ended)
            if self._opened:
                return None
            self.closed = False
            try:
                exchange = self._open()
            except OpeningError as problem:
                self.channel.end(problem.failure)
                raise
            self._opened = True
            return exchange

    def _open(self) -> Exchange:
        began = time.perf_counter()
        try:
            self._start()
        except OSError as problem:
            raise OpeningError(failure_of(problem, "start")) from problem
        exchange = handshake(self.channel, self.client, began)
        return self._greeted()._replace(sent=began) if self._greets else exchange

    def _greeted(self) -> Exchange:
        """Wait for any answer: an error tells as well that somebody is there. Raises `OpeningError`."""
        client = self.client
        hello = Message("discover", discover(), (client.revision, capabilities_for(client.answers)))
        request_id = self.channel.next_id()
        exchange = self.channel.ask(hello.body(request_id, 0), Expected(request_id)).finish()
        failure = exchange.failure
        if failure is not None and failure.error_class in (ErrorClass.TRANSPORT, ErrorClass.TIMEOUT):
            raise OpeningError(failure)
        return exchange._replace(failure=None)

    def _send(self, message: bytes) -> None:
        self._outgoing.append(message)
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
        self._greenlets = [gevent.spawn(loop) for loop in (self._write, self._read, self._drain)]

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
                if isinstance(line, Overlong):
                    failure = Failure(ErrorClass.TRANSPORT, "too-large", "a line is longer than the reader takes")
                    self.client.on_stray(failure)
                else:
                    self.channel.take(line, at)
        self.channel.end(self._last_words())

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

    def _drain(self) -> None:
        # A pipe that nobody reads stops a talkative server.
        while chunk := gevent.os.nb_read(self._fds[2], _CHUNK):
            self._stderr = (self._stderr + chunk)[-_STDERR_KEPT:]

    def close(self) -> None:
        """End the process: close its input, then ask, then kill; then close the pipes."""
        self.closed = True
        gevent.killall(self._greenlets)
        self.channel.end(Failure(ErrorClass.TRANSPORT, "closed", "the run is over"))
        _close_all(self._fds[:1])
        if self._popen is not None and self._exit_code() is None:
            self._popen.terminate()
            if self._exit_code() is None:
                self._popen.kill()
                self._popen.wait()
        _close_all(self._fds[1:])
        self._fds = []
        self._popen = None
        self._reset()


def _close_all(fds: Iterable[int]) -> None:
    for fd in fds:
        _close(fd)
