"""A client of a server in this process, over a channel in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio

from reference_impl.client import ClientConnection, ClientSettings, connect
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.in_memory import serving_in_memory

PATIENCE = 30


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
    with anyio.fail_after(PATIENCE):
        async with serving_in_memory(server) as reach, connect(reach(), settings or ClientSettings()) as client:
            yield Talk(client)
