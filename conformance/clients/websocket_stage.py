"""A scripted server over WebSocket, a custom transport: a text frame a message.

Source: RFC 6455; `reference_impl.protocol.websocket_frames`. It needs the library `websockets`.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from conformance.clients.delivery import deliver
from conformance.clients.play import Play
from conformance.clients.pulse import Pulse
from conformance.clients.reply import End, Event, Wait
from conformance.transcript import NO_JSON, Direction
from reference_impl.protocol.websocket_frames import LARGEST_MESSAGE, SUBPROTOCOL

__all__ = ["WebSocketStage"]


@dataclass(slots=True)
class WebSocketStage:
    """Where a play meets its client over WebSocket."""

    play: Play
    pulse: Pulse
    _connections: int = 0

    async def serve(self, stream: anyio.abc.ByteStream) -> None:
        """Serve one connection until it ends."""
        self._connections += 1
        async with stream:
            await _Socket(self.play, self.pulse, stream, self._connections).run()


def _protocol() -> ServerProtocol:
    offered = [Subprotocol(SUBPROTOCOL)]
    # Who asks for no sub-protocol is served all the same.
    choose = lambda _, given: offered[0] if offered[0] in given else None  # noqa: E731 - a table of one row
    return ServerProtocol(subprotocols=offered, select_subprotocol=choose, max_size=LARGEST_MESSAGE)


@dataclass(slots=True)
class _Socket:
    """One connection; `number` counts them."""

    play: Play
    pulse: Pulse
    stream: anyio.abc.ByteStream
    number: int
    _text: bytes = b""
    _protocol: ServerProtocol = field(default_factory=_protocol)
    _lock: anyio.Lock = field(default_factory=anyio.Lock)

    async def run(self) -> None:
        """Take what comes until the client closes the socket."""
        async with anyio.create_task_group() as answers:
            with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                while not self._protocol.close_expected():
                    self._protocol.receive_data(await self.stream.receive())
                    for event in self._protocol.events_received():
                        if isinstance(event, Request):
                            self._protocol.send_response(self._protocol.accept(event))
                        elif isinstance(event, Frame):
                            self._take(event, answers)
                    await self._flush()
            answers.cancel_scope.cancel()

    def _take(self, frame: Frame, answers: anyio.abc.TaskGroup) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT):
            return
        self._text += bytes(frame.data)
        if not frame.fin:
            return
        data, self._text = self._text, b""
        try:
            value = json.loads(data)
        except ValueError:
            value = NO_JSON
        self.play.conversation.record(Direction.RECEIVED, data, value, connection=self.number)
        self.pulse.beat()
        for message in value if self.play.takes_batch(value) else [value]:
            if isinstance(message, dict):
                answers.start_soon(self._answer, message)

    async def _answer(self, message: dict[str, Any]) -> None:
        reply = self.play.take(message, connection=self.number)
        self.pulse.beat()
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await deliver(reply, self.play.scene, self)
            self.pulse.beat()

    async def _flush(self) -> None:
        async with self._lock:
            for data in self._protocol.data_to_send():
                if data:
                    await self.stream.send(data)

    async def event(self, event: Event) -> None:
        """Send a message as a text frame."""
        if event.message is not None:
            data = json.dumps(event.message).encode()
            self.play.conversation.record(Direction.SENT, data, event.message, connection=self.number)
            await self.raw(data)

    async def raw(self, data: bytes) -> None:
        """Send a text frame."""
        self._protocol.send_text(data)
        await self._flush()

    async def noise(self, data: bytes) -> None:
        """There is no standard error."""

    async def wait(self, wait: Wait) -> bool:
        """Wait; the end of the connection ends this too."""
        await self.pulse.until(wait.until, wait.seconds)
        return True

    async def end(self, end: End) -> None:
        """Close the socket, or break the connection off."""
        if end.clean:
            self._protocol.send_close()
            await self._flush()
        await self.stream.aclose()
