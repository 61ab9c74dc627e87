"""A client of a server in this process, over a channel in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.abc

from reference_impl.client import ClientConnection, ClientSettings, connect
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.stream import serve_stream
from reference_impl.transports.memory import MemoryChannel, memory_pair

PATIENCE = 30


class _Receiving(anyio.abc.ByteReceiveStream):
    def __init__(self, channel: MemoryChannel) -> None:
        self._channel = channel

    async def receive(self, max_bytes: int = 65536) -> bytes:
        del max_bytes
        return await self._channel.receive()

    async def aclose(self) -> None:
        pass


class _Sending(anyio.abc.ByteSendStream):
    def __init__(self, channel: MemoryChannel) -> None:
        self._channel = channel

    async def send(self, item: bytes) -> None:
        await self._channel.send(item)

    async def aclose(self) -> None:
        pass


@dataclass
class Talk:
    """A conversation: `call` returns structured content, `fails` the words of an error result."""

    client: ClientConnection

    async def call(self, tool: str, **arguments: Any) -> Any:
        result = await self.client.call_tool(tool, arguments)
        assert not result.get("isError"), result["content"]
        return result.get("structuredContent", result["content"])

    async def fails(self, tool: str, **arguments: Any) -> str:
        result = await self.client.call_tool(tool, arguments)
        assert result.get("isError"), result
        return str(result["content"][0]["text"])


@asynccontextmanager
async def talking(server: AdvancedMCPServer, settings: ClientSettings | None = None) -> AsyncIterator[Talk]:
    near, far = memory_pair()
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve_stream, server, _Receiving(far), _Sending(far))
            async with connect(near, settings or ClientSettings()) as client:
                yield Talk(client)
