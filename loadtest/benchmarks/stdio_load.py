"""Calls over the standard streams of a process, a fixed number of them in flight."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Sequence

import msgspec

from loadtest.benchmarks.machine import GENERATOR, MEASURED, Watch, on_core, started
from loadtest.benchmarks.rounds import Sample
from loadtest.benchmarks.traffic import FIRST, INITIALIZED, Traffic, WrongAnswerError, hello, judged_json, template
from reference_impl.protocol.messages import Message, encode
from reference_impl.protocol.revisions import LATEST_LEGACY

__all__ = ["Lines", "stdio_sample"]

_PATIENCE = 20.0


class Lines:
    """The streams of a process, as lines."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin.fileno(), process.stdout.fileno()
        self._rest = b""

    def send(self, data: bytes) -> None:
        """Write whole lines."""
        view = memoryview(data)
        while view:
            view = view[os.write(self._in, view) :]

    def receive(self) -> list[bytes]:
        """Return the lines that have come, at least one. Raises `WrongAnswerError` if none does."""
        while True:
            if not select.select([self._out], [], [], _PATIENCE)[0]:
                raise WrongAnswerError("the server fell silent")
            chunk = os.read(self._out, 1 << 20)
            if not chunk:
                raise WrongAnswerError("the server has gone")
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            if lines:
                return lines

    def ask(self, message: Message) -> bytes:
        """Send one request and return the line that answers it."""
        self.send(encode(message) + b"\n")
        return self.receive()[0]


class _Calls:
    """Calls in flight: each answer makes room for the next."""

    def __init__(self, lines: Lines, traffic: Traffic) -> None:
        self._lines = lines
        self._template, self._times = template(encode(traffic.first()) + b"\n")
        self._next = FIRST
        self._open: set[int] = set()

    def send(self, number: int) -> None:
        """Send so many new calls at once."""
        numbers = range(self._next, self._next + number)
        self._next += number
        self._open.update(numbers)
        self._lines.send(b"".join([self._template % ((each,) * self._times) for each in numbers]))

    def receive(self) -> int:
        """Judge what has come and return how many answers that were. Raises `WrongAnswerError`."""
        before = len(self._open)
        for line in self._lines.receive():
            head = _head(line)
            if head.method.startswith("notifications/"):
                continue
            if head.id not in self._open or not judged_json(line, head.id):
                raise WrongAnswerError(f"no answer to any call: {line[:300]!r}")
            self._open.remove(head.id)
        return before - len(self._open)

    def go_on(self, seconds: float) -> int:
        """Keep as many in flight as there are now, for so long; return how many were answered."""
        done, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            came = self.receive()
            done += came
            if came:
                self.send(came)
        return done


class _Head(msgspec.Struct):
    id: int = -1
    method: str = ""


_decode = msgspec.json.Decoder(_Head).decode


def _head(line: bytes) -> _Head:
    try:
        return _decode(line)
    except msgspec.MsgspecError:
        raise WrongAnswerError(f"no message: {line[:300]!r}") from None


def stdio_sample(command: Sequence[str], traffic: Traffic, in_flight: int, seconds: float, warm_up: float) -> Sample:
    """Start a server on standard streams, put load on it, and end it."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with started(command, MEASURED, **pipes) as process, on_core(GENERATOR):
        lines = Lines(process)
        if not traffic.revision.modern:
            lines.ask(hello(LATEST_LEGACY))
            lines.send(encode(INITIALIZED) + b"\n")
        calls = _Calls(lines, traffic)
        calls.send(in_flight)
        calls.go_on(warm_up)
        watch = Watch(process.pid)
        return Sample.of_calls(calls.go_on(seconds), watch.read())
