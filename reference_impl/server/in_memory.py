"""A server for clients in the same process: for tests, and for tools that live in the program that uses them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio
from anyio.abc import ByteStream

from reference_impl.server.stream import serve_stream
from reference_impl.transports.memory import MemoryChannel, memory_pair

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["serving_in_memory"]


@asynccontextmanager
async def serving_in_memory(server: AdvancedMCPServer) -> AsyncGenerator[Callable[[], MemoryChannel], None]:
    """Serve for the length of a block. Each call of what it yields opens a conversation, and returns the client's end.

    `connect` takes that end, `ServerConfig` the function itself.
    """
    async with anyio.create_task_group() as tasks:

        async def serve(channel: MemoryChannel) -> None:
            stream = _Bytes(channel)
            with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                await serve_stream(server, stream, stream)
            await channel.aclose()

        def open_conversation() -> MemoryChannel:
            near, far = memory_pair()
            tasks.start_soon(serve, far)
            return near

        yield open_conversation
        tasks.cancel_scope.cancel()


class _Bytes(ByteStream):
    """A channel as a stream of anyio."""

    def __init__(self, channel: MemoryChannel) -> None:
        self._channel = channel

    async def receive(self, max_bytes: int = 65536) -> bytes:
        del max_bytes  # a chunk is as large as it was sent
        return await self._channel.receive()

    async def send(self, item: bytes) -> None:
        await self._channel.send(item)

    async def send_eof(self) -> None:
        self._channel.close_sending()

    async def aclose(self) -> None:
        await self._channel.aclose()
