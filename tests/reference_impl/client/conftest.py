"""Scripted servers: plain functions that read and write JSON, one message a line, over a channel in memory."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from reference_impl.client import ClientConnection, ClientSettings, connect
from reference_impl.protocol.lines import LineReader
from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.transports.memory import MemoryChannel, memory_pair

INFO = "io.modelcontextprotocol/serverInfo"
ALL = {
    "tools": {"listChanged": True},
    "resources": {"subscribe": True},
    "prompts": {},
    "completions": {},
    "logging": {},
}
Json = dict[str, Any]


class Peer:
    """A server's side of a channel, one JSON object at a time."""

    def __init__(self, channel: MemoryChannel) -> None:
        self.channel = channel
        self._reader = LineReader()
        self._lines: list[bytes] = []
        self.seen: list[Json] = []

    async def receive(self) -> Json:
        while not self._lines:
            self._lines += [line for line in self._reader.feed(await self.channel.receive()) if isinstance(line, bytes)]
        message = decode_json(self._lines.pop(0))
        self.seen.append(message)
        return message

    async def send(self, message: Json | bytes) -> None:
        line = message if isinstance(message, bytes) else encode_json({"jsonrpc": "2.0", **message})
        await self.channel.send(line + b"\n")

    async def expect(self, method: str) -> Json:
        """Receive a message and make sure of its method."""
        message = await self.receive()
        assert message.get("method") == method, message
        return message

    async def answer(self, request: Json, result: Json) -> None:
        await self.send({"id": request["id"], "result": result})

    async def refuse(self, request: Json, code: int, message: str = "no", data: Any = None) -> None:
        error = {"code": code, "message": message} | ({} if data is None else {"data": data})
        await self.send({"id": request["id"], "error": error})

    async def complete(self, request: Json, **result: Any) -> None:
        """Answer as a modern server does."""
        await self.answer(request, {"resultType": "complete", **result})

    async def open_modern(self, capabilities: Json | None = None) -> None:
        probe = await self.expect("server/discover")
        await self.complete(
            probe,
            supportedVersions=["2026-07-28"],
            capabilities=ALL if capabilities is None else capabilities,
            instructions="be kind",
            _meta={INFO: {"name": "scripted", "version": "1"}},
        )

    async def open_legacy(self, version: str = "2025-11-25", capabilities: Json | None = None) -> Json:
        """Refuse the probe, shake hands; return the client's `initialize`."""
        request = await self.receive()
        if request["method"] == "server/discover":
            await self.refuse(request, -32601)
            request = await self.expect("initialize")
        capabilities = ALL if capabilities is None else capabilities
        info = {"name": "scripted", "version": "1"}
        await self.answer(request, {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info})
        await self.expect("notifications/initialized")
        return request


Script = Callable[[Peer], Awaitable[None]]
Talk = Callable[..., Any]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def talk() -> Talk:
    """Return a context manager: a client connected to a scripted server, whose script has to run to its end."""

    @asynccontextmanager
    async def talk(script: Script, **settings: Any) -> AsyncIterator[ClientConnection]:
        near, far = memory_pair()
        peer = Peer(far)
        # One exception comes out bare, so that tests can name it.
        failure: BaseException | None = None
        try:
            with anyio.fail_after(5):
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(script, peer)
                    async with connect(near, ClientSettings(**settings)) as client:
                        yield client
        except BaseExceptionGroup as group:
            failure = group.exceptions[0]
        if failure is not None:
            raise failure

    return talk
