"""A generator of HTTP load that is a good deal faster than what it measures: heads made beforehand, one parser a
connection, every answer judged."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import httptools
import uvloop

from loadtest.benchmarks.machine import GENERATOR, MEASURED, Watch, on_core, started
from loadtest.benchmarks.rounds import Sample
from loadtest.benchmarks.traffic import (
    FIRST,
    INITIALIZED,
    Judge,
    Traffic,
    WrongAnswerError,
    hello,
    judged_json,
    template,
)
from reference_impl.protocol.messages import Message, encode
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.streamable import SESSION_ID, request_headers

__all__ = ["Client", "HttpPlan", "free_port", "head", "http_sample", "listening", "run"]

_PATIENCE = 20.0
_SESSION_ID = SESSION_ID.encode()


@dataclass(frozen=True, slots=True)
class HttpPlan:
    """What is sent to a server, on how many connections, and who judges what comes back.

    `accept` takes the place of the usual header (a server may choose between JSON and events by it).
    """

    traffic: Traffic
    connections: int
    judge: Judge = judged_json
    sessions: bool = False
    accept: str | None = None


class Client(asyncio.Protocol):
    """One connection, one request at a time: `ask` sends it, `answered` is called with what came back."""

    def __init__(self) -> None:
        self._parser: Any = None
        self.transport: Any = None
        self.body: list[bytes] = []
        self.session: str | None = None
        self._waiting: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = transport
        self._parser = httptools.HttpResponseParser(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail whoever waits."""
        self.fail(WrongAnswerError(f"the server closed the connection: {error}"))

    def data_received(self, data: bytes) -> None:
        """Parse; the parser calls what follows."""
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Look for the session."""
        if name.lower() == _SESSION_ID:
            self.session = value.decode()

    def on_body(self, body: bytes) -> None:
        """Collect."""
        self.body.append(body)

    def on_message_complete(self) -> None:
        """Hand over one answer."""
        body, self.body = b"".join(self.body), []
        self.answered(self._parser.get_status_code(), body)

    def answered(self, status: int, body: bytes) -> None:
        """Take an answer to `ask`."""
        if status >= 300:
            self.fail(WrongAnswerError(f"{status}: {body[:300]!r}"))
        elif self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def fail(self, error: Exception) -> None:
        """Tell whoever waits that nothing good will come."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)

    async def ask(self, data: bytes) -> None:
        """Send a request and wait for a good answer. Raises `WrongAnswerError`."""
        self._waiting = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        await asyncio.wait_for(self._waiting, _PATIENCE)


class _Caller(Client):
    """Sends the next call as soon as the last one is answered, until it is stopped."""

    def __init__(self, plan: HttpPlan, numbers: count[int], port: int) -> None:
        super().__init__()
        self._plan = plan
        self._numbers = numbers
        self._port = port
        self._number = 0
        self._template, self._times = b"", 0
        self.running = False
        self.done = 0

    async def open(self) -> None:
        """Open a session, where there are any, and make the request ready."""
        traffic = self._plan.traffic
        if self._plan.sessions:
            await self.ask(head(self._port, hello(traffic.revision), traffic.revision))
            await self.ask(head(self._port, INITIALIZED, traffic.revision, self.session))
        request = head(self._port, traffic.first(), traffic.revision, self.session, self._plan.accept)
        self._template, self._times = template(request)

    def start(self) -> None:
        """Begin."""
        self.running = True
        self._next()

    def _next(self) -> None:
        self._number = number = next(self._numbers)
        self.transport.write(self._template % ((number,) * self._times))

    def answered(self, status: int, body: bytes) -> None:
        """Judge it, and go on."""
        if not self._number:
            super().answered(status, body)
        elif status == 200 and self._plan.judge(body, self._number):
            self.done += 1
            if self.running:
                self._next()
        else:
            self.fail(WrongAnswerError(f"call {self._number} was answered with {status}: {body[:300]!r}"))

    async def failed(self) -> None:
        """Wait for the first wrong answer. Raises it."""
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting


def head(
    port: int, message: Message, revision: Revision, session: str | None = None, accept: str | None = None
) -> bytes:
    """Return a whole POST of `message`."""
    body = encode(message)
    headers = request_headers(message, revision, session=session)
    if accept is not None:
        headers["accept"] = accept
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    start = f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{lines}content-length: {len(body)}\r\n\r\n"
    return start.encode() + body


async def _load(plan: HttpPlan, port: int, pid: int, seconds: float, warm_up: float) -> Sample:
    numbers = count(FIRST)
    loop = asyncio.get_running_loop()
    callers = []
    for _ in range(plan.connections):
        _, caller = await loop.create_connection(lambda: _Caller(plan, numbers, port), "127.0.0.1", port)
        await caller.open()
        callers.append(caller)
    failures = [loop.create_task(caller.failed()) for caller in callers]
    await asyncio.sleep(0)
    for caller in callers:
        caller.start()
    try:
        await _or_fail(failures, warm_up)
        before, watch = sum(caller.done for caller in callers), Watch(pid)
        await _or_fail(failures, seconds)
        return Sample.of_calls(sum(caller.done for caller in callers) - before, watch.read())
    finally:
        for caller, failure in zip(callers, failures, strict=True):
            caller.running = False
            failure.cancel()
            caller.transport.abort()


async def _or_fail(failures: Sequence[asyncio.Task[None]], seconds: float) -> None:
    done, _ = await asyncio.wait(failures, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    for failure in done:
        failure.result()


@contextmanager
def listening(command: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Run a server on the measured core until it listens; gives its port and pid."""
    port = free_port()
    with started([*command, str(port)], MEASURED, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + _PATIENCE
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} did not start to listen")
            time.sleep(0.05)
        yield port, process.pid


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def run(load: Coroutine[Any, Any, Sample]) -> Sample:
    """Run the generator on its own core and its own loop, without pauses of the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        with on_core(GENERATOR):
            return uvloop.run(load)
    finally:
        gc.enable()


def http_sample(command: Sequence[str], plan: HttpPlan, seconds: float, warm_up: float) -> Sample:
    """Start a server (its command takes the port as last argument), put load on it, and end it."""
    with listening(command) as (port, pid):
        return run(_load(plan, port, pid, seconds, warm_up))
