"""A client that writes lines to `serve_stream` over a channel in memory, as rudely as it is told to."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream

from reference_impl.protocol.lines import LineReader
from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.protocol.websocket_frames import FrameError
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.channels import ServedChannel
from reference_impl.server.stream import serve_stream
from reference_impl.transports.memory import MemoryChannel, memory_pair
from reference_impl.transports.messages import LineChannel
from tests.reference_impl.machine.ledger import Asked, Json, Ledger, key_of
from tests.reference_impl.machine.requests import answer_to
from tests.reference_impl.machine.runs import MARKER
from tests.reference_impl.machine.world import World

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
EXTENSIONS = {"io.modelcontextprotocol/tasks": {}}
CAPABILITIES = {"sampling": {}, "elicitation": {"form": {}, "url": {}}, "roots": {}, "extensions": EXTENSIONS}
GRACE = 1.5
"""Seconds that requests under way get to finish after their client has closed its end."""
_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"


class ByteChannel(Protocol):
    """An end of a channel in memory, or whatever stands for one."""

    async def send(self, data: bytes) -> None:
        """Send bytes."""

    async def receive(self) -> bytes:
        """Return bytes that have come."""

    async def aclose(self) -> None:
        """Close both ways."""


class _Receiving(ByteReceiveStream):
    def __init__(self, channel: ByteChannel) -> None:
        self._channel = channel

    async def receive(self, max_bytes: int = 65536) -> bytes:
        del max_bytes
        return await self._channel.receive()

    async def aclose(self) -> None:
        """Leave the channel open: whoever made it closes it."""


class _Sending(ByteSendStream):
    def __init__(self, channel: ByteChannel) -> None:
        self._channel = channel

    async def send(self, item: bytes) -> None:
        await self._channel.send(item)

    async def aclose(self) -> None:
        """Leave the channel open: whoever made it closes it."""


async def serve(server: AdvancedMCPServer, channel: ByteChannel) -> None:
    """Serve the far end of a channel as a process would: until the end, then close."""
    try:
        await serve_stream(server, _Receiving(channel), _Sending(channel), limit=1024 * 1024)
    finally:
        await channel.aclose()


async def serve_channel(server: AdvancedMCPServer, channel: MemoryChannel) -> None:
    """Serve the far end as WebSockets and sealed lines are served: clients that do not read, or never speak, are let
    go."""
    try:
        async with server.running():
            await ServedChannel(server, LineChannel(channel)).run(GRACE)
    except (FrameError, anyio.BrokenResourceError):
        return
    finally:
        await channel.aclose()


def modern_meta(**more: Any) -> Json:
    """Return the metadata of a modern request."""
    return {**META, _CAPABILITIES: CAPABILITIES, **more}


class LineClient:
    """One connection. Everything that it hears goes to its ledger."""

    def __init__(self, world: World, server: AdvancedMCPServer, *, channelled: bool = False) -> None:
        self._world = world
        self.near, self.far = memory_pair()
        self.ledger = Ledger(ordered=True)
        self.revision: str | None = None
        self.closed = False
        self.present = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._unwritten: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.spoke = False
        self.channelled = channelled
        self.serving = world.start(serve_channel(server, self.far) if channelled else serve(server, self.far))
        self._tasks = [world.start(self._read()), world.start(self._write())]

    # Bytes --------------------------------------------------------------------------------------

    async def _read(self) -> None:
        lines = LineReader()
        try:
            while True:
                data = await self.near.receive()
                await self._flowing.wait()
                for line in lines.feed(data):
                    assert isinstance(line, bytes)
                    self.ledger.hear(decode_json(line))
        except anyio.EndOfStream:
            assert not lines.rest, f"the server stops in the middle of a line: {lines.rest!r}"

    async def _write(self) -> None:
        try:
            while (data := await self._unwritten.get()) is not None:
                await self.near.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return
        self.near.close_sending()

    def write(self, data: bytes) -> None:
        """Write bytes, as soon as the server takes them."""
        self.spoke = True
        self._unwritten.put_nowait(data)

    def send(self, message: Any) -> None:
        """Write a message as a line."""
        self.write(encode_json(message) + b"\n")

    # Reading speed ------------------------------------------------------------------------------

    @property
    def reading(self) -> bool:
        """Whether what the server writes is read."""
        return self._flowing.is_set()

    @reading.setter
    def reading(self, flows: bool) -> None:
        if flows:
            self._flowing.set()
        else:
            self._flowing.clear()

    @property
    def blocked(self) -> bool:
        """Whether messages may be under way that this client has not seen, or the server has not."""
        return not self.reading or not self._unwritten.empty()

    # Messages -----------------------------------------------------------------------------------

    def initialize(self, version: str) -> None:
        """Open a legacy session."""
        params = {"protocolVersion": version, "capabilities": CAPABILITIES, "clientInfo": {"name": "m", "version": "1"}}
        self.ledger.ask("initialize", Asked("initialize"))
        self.send({"jsonrpc": "2.0", "id": "initialize", "method": "initialize", "params": params})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.revision, self.ledger.legacy = version, True

    def message(self, identifier: Any, method: str, params: Json, marker: str | None = None) -> Json:
        """Return a request, with its metadata, and note it."""
        modern = self.revision is None
        marker = marker or self._world.unique()
        meta: Json = {"progressToken": identifier, MARKER: marker}
        if modern:
            meta = modern_meta(**meta, **{"io.modelcontextprotocol/logLevel": "info"})
        self.ledger.ask(identifier, Asked(method, params, marker, modern=modern, logs=modern))
        return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": {**params, "_meta": meta}}

    def answer_question(self, how: str) -> None:
        """Answer the oldest question of the server, rightly or not."""
        if not self.ledger.questions:
            return
        (_, identifier), question = next(iter(self.ledger.questions.items()))
        if how != "twice":
            del self.ledger.questions[key_of(identifier)]
        self.send(answer_to(identifier, question, how))

    # The end ------------------------------------------------------------------------------------

    def end(self) -> None:
        """Close the sending half, as a client that leaves in good order does."""
        self._leave()
        self._unwritten.put_nowait(None)

    def vanish(self) -> None:
        """Be gone, in the middle of whatever it is."""
        self.present = False
        self._leave()
        self._world.start(self.near.aclose())
        for task in self._tasks:
            task.cancel()

    def _leave(self) -> None:
        self.closed = True
        self.ledger.excuse()

    @property
    def let_go(self) -> bool:
        """Whether the server has ended the connection of a client that still wanted it."""
        return not self.closed and self.serving.done()

    def check(self) -> None:
        """Raise what went wrong in this connection's own tasks."""
        for task in (self.serving, *self._tasks):
            if task.done() and not task.cancelled():
                task.result()

    def stop(self) -> None:
        """Stop the tasks of the test's own."""
        for task in self._tasks:
            task.cancel()
