"""A scripted server over standard streams: what the stand-in that the client started relays, a line a message."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.abc

from conformance.clients.play import Play
from conformance.clients.pulse import Pulse
from conformance.transcript import NO_JSON, Direction

__all__ = ["StdioStage"]

_LINE_LIMIT = 8 * 1024 * 1024


@dataclass(slots=True)
class StdioStage:
    """Where a play meets its client over standard streams. `token` tells our stand-in from any other program."""

    play: Play
    pulse: Pulse
    token: str

    async def serve(self, stream: anyio.abc.ByteStream) -> None:
        """Serve one process of the client's until its input ends."""
        buffer, known = b"", False
        line_by_line = _Lines(stream)
        async with stream, anyio.create_task_group() as answers:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                while len(buffer) <= _LINE_LIMIT:
                    buffer += await stream.receive()
                    *lines, buffer = buffer.split(b"\n")
                    for line in lines:
                        if known:
                            self._take(line, line_by_line, answers)
                        elif line.decode("utf-8", "replace") != self.token:
                            return
                        known = True
            if buffer and known:
                self._record(buffer)

    def _take(self, line: bytes, stream: _Lines, answers: anyio.abc.TaskGroup) -> None:
        value = self._record(line)
        self.pulse.beat()
        if isinstance(value, dict):
            answers.start_soon(self._answer, value, stream)

    def _record(self, line: bytes) -> Any:
        try:
            value = json.loads(line)
        except ValueError:
            value = NO_JSON
        self.play.conversation.record(Direction.RECEIVED, line, value)
        return value

    async def _answer(self, message: dict[str, Any], stream: _Lines) -> None:
        reply = self.play.take(message)
        self.pulse.beat()
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            for question in reply.questions:
                await self._send(question, stream)
            if reply.questions:
                await self.pulse.until(lambda: self.play.all_answered(reply.questions))
            if reply.response is not None:
                await self._send(reply.response, stream)
                self.pulse.beat()

    async def _send(self, message: dict[str, Any], stream: _Lines) -> None:
        data = json.dumps(message).encode()
        self.play.conversation.record(Direction.SENT, data, message)
        await stream.write(data + b"\n")


class _Lines:
    """The way to the client, for one line at a time."""

    def __init__(self, stream: anyio.abc.ByteStream) -> None:
        self._stream = stream
        self._lock = anyio.Lock()

    async def write(self, data: bytes) -> None:
        """Write a line whole."""
        async with self._lock:
            await self._stream.send(data)
