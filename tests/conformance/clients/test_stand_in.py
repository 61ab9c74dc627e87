"""The server that a stdio client starts: it relays, tells of its end and of signals, and stays if it is told to."""

from __future__ import annotations

import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from conformance.clients import stand_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


class Judge:
    """The judge's end of the relay."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._reader = connection.makefile("rb")
        assert self._reader.readline() == b"token\n"

    def heard(self) -> tuple[bytes, bytes] | None:
        """The next frame, None at the end."""
        head = self._reader.read(5)
        if len(head) < 5:
            return None
        kind, length = struct.unpack(">cI", head)
        return kind, self._reader.read(length)

    def tell(self, kind: bytes, data: bytes = b"") -> None:
        self._connection.sendall(kind + struct.pack(">I", len(data)) + data)


@contextmanager
def started() -> Iterator[tuple[subprocess.Popen[bytes], Judge]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        words = [sys.executable, "-IS", str(Path(stand_in.__file__)), str(listener.getsockname()[1]), "token"]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            connection, _ = listener.accept()
            connection.settimeout(20)
            with closing(connection):
                yield process, Judge(connection)
            process.kill()


def test_it_relays_both_ways_and_exits_as_it_is_told() -> None:
    with started() as (process, judge):
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"in\n")
        process.stdin.flush()
        assert judge.heard() == (b"i", b"in\n")
        judge.tell(b"o", b"out\n")
        judge.tell(b"n", b"err\n")
        judge.tell(b"x", b"\x07")
        assert process.stdout.read() == b"out\n"
        assert process.stderr.read() == b"err\n"
        assert process.wait(20) == 7


def test_the_end_of_its_input_is_told_before_the_signal_that_follows_at_once() -> None:
    with started() as (process, judge):
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.close()
        process.terminate()
        assert judge.heard() == (b"e", b"")
        assert judge.heard() in ((b"s", bytes([signal.SIGTERM])), None)
        assert process.wait(20) == 128 + signal.SIGTERM


def test_one_that_stays_tells_of_sigterm_and_lives_until_it_is_killed() -> None:
    with started() as (process, judge):
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        judge.tell(b"k")
        judge.tell(b"o", b"ready\n")
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert judge.heard() == (b"s", bytes([signal.SIGTERM]))
        assert process.poll() is None
        process.kill()
        assert judge.heard() is None
