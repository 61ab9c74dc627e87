"""A scripted server over standard streams: what the stand-in that the client started relays, a line a message."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
from anyio.streams.buffered import BufferedByteReceiveStream

from conformance.clients.delivery import deliver
from conformance.clients.play import Play
from conformance.clients.pulse import Pulse
from conformance.clients.reply import End, Event, Reply, Wait
from conformance.transcript import NO_JSON, Direction

__all__ = ["AT_WORK", "CLOSED", "KILLED", "STARTED", "StdioStage", "signalled"]

_LINE_LIMIT = 8 * 1024 * 1024
STARTED = b"the client started the server"
AT_WORK = b"the server was asked for more than what it is"
CLOSED = b"the client closed the server's standard input"
KILLED = b"the server was killed"


def signalled(number: int) -> bytes:
    """Return how the transcript notes that the client sent the server a signal."""
    return b"the client sent the server signal %d" % number


@dataclass(slots=True)
class StdioStage:
    """Where a play meets its client over standard streams. `token` tells our stand-in from any other program."""

    play: Play
    pulse: Pulse
    token: str
    _started: int = 0

    async def serve(self, stream: anyio.abc.ByteStream) -> None:
        """Serve one process of the client's until it ends."""
        async with stream:
            frames = BufferedByteReceiveStream(stream)
            with suppress(anyio.EndOfStream, anyio.IncompleteRead, anyio.DelimiterNotFound, anyio.BrokenResourceError):
                if await frames.receive_until(b"\n", 256) != self.token.encode():
                    return
                self._started += 1
                process = _Process(self.play, self.pulse, stream, self._started)
                self.play.conversation.record(Direction.PROCESS, STARTED, exchange=self._started)
                await process.run(frames)


@dataclass(slots=True)
class _Process:
    """One process that the client started; `number` counts them."""

    play: Play
    pulse: Pulse
    stream: anyio.abc.ByteStream
    number: int
    _buffer: bytes = b""
    _over: bool = False
    _at_work: bool = False
    _lock: anyio.Lock = field(default_factory=anyio.Lock)

    async def run(self, frames: BufferedByteReceiveStream) -> None:
        """Take what the process relays until it ends."""
        behaviour = self.play.behaviour
        async with anyio.create_task_group() as answers:
            with suppress(anyio.BrokenResourceError):
                if behaviour.lingers:
                    await self._tell(b"k")
                await deliver(Reply(after=behaviour.started), self.play.scene, self)
                while not self._over and len(self._buffer) <= _LINE_LIMIT:
                    try:
                        kind, length = struct.unpack(">cI", await frames.receive_exactly(5))
                        data = await frames.receive_exactly(length)
                    except (anyio.EndOfStream, anyio.IncompleteRead, anyio.BrokenResourceError):
                        self._note(KILLED)
                        answers.cancel_scope.cancel()
                        return
                    self._heard(kind, data, answers)
        await self._tell(b"x", b"\0")

    def _heard(self, kind: bytes, data: bytes, answers: anyio.abc.TaskGroup) -> None:
        if kind == b"i":
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            for line in lines:
                self._take(line, answers)
            return
        if self._buffer:
            self._record(self._buffer)
            self._buffer = b""
        self._note(CLOSED if kind == b"e" else signalled(data[0]))
        self._over = not self.play.behaviour.lingers
        self.pulse.ring()

    def _note(self, what: bytes) -> None:
        if not self._over:
            self.play.conversation.record(Direction.PROCESS, what, exchange=self.number)
            self.pulse.beat()

    def _take(self, line: bytes, answers: anyio.abc.TaskGroup) -> None:
        value = self._record(line)
        self.pulse.beat()
        for message in value if self.play.takes_batch(value) else [value]:
            if isinstance(message, dict):
                answers.start_soon(self._answer, message)

    def _record(self, line: bytes) -> Any:
        try:
            value = json.loads(line)
        except ValueError:
            value = NO_JSON
        self.play.conversation.record(Direction.RECEIVED, line, value, connection=self.number)
        return value

    async def _answer(self, message: dict[str, Any]) -> None:
        if not self._at_work and "id" in message and message.get("method") != "server/discover":
            self._at_work = True
            self._note(AT_WORK)
        reply = self.play.take(message, connection=self.number)
        self.pulse.beat()
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await deliver(reply, self.play.scene, self)
            self.pulse.beat()

    # What steps of a reply go out over -------------------------------------------------------------

    async def event(self, event: Event) -> None:
        """Write a message as a line."""
        if event.message is not None:
            data = json.dumps(event.message).encode()
            self.play.conversation.record(Direction.SENT, data, event.message, connection=self.number)
            await self._tell(b"o", data + b"\n")

    async def raw(self, data: bytes) -> None:
        """Write to standard output."""
        await self._tell(b"o", data)

    async def wait(self, wait: Wait) -> bool:
        """Wait, though not beyond the end of the input."""
        await self.pulse.until(lambda: self._over or wait.until(), wait.seconds)
        return not self._over

    async def noise(self, data: bytes) -> None:
        """Write to standard error."""
        await self._tell(b"n", data)

    async def end(self, end: End) -> None:
        """Have the process exit."""
        self._over = True
        self.play.conversation.record(
            Direction.PROCESS, b"the server exited with status %d" % end.status, exchange=self.number
        )
        await self._tell(b"x", bytes([end.status]))

    async def _tell(self, kind: bytes, data: bytes = b"") -> None:
        async with self._lock:
            await self.stream.send(kind + struct.pack(">I", len(data)) + data)
