"""Servers for the tests of the client manager: in memory, to be connected to again and again; and as processes."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import anyio
import anyio.abc

from reference_impl.client import ClientSettings, RetryPolicy, StdioCommand
from reference_impl.client.manager import ManagerOptions
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.stream import serve_stream
from reference_impl.transports.memory import MemoryChannel, memory_pair

AT_ONCE = ManagerOptions(policy=RetryPolicy(base=0.0))
"""No pauses between attempts."""
QUICK = ClientSettings(stop_grace=0.5)

PROCESS = """
import json, os, sys
NAME, COUNT = sys.argv[1], sys.argv[2]
def said():
    with open(COUNT, "a+") as file:
        file.write("x")
        file.seek(0)
        return len(file.read())
def tool(name, **annotations):
    return {"name": name, "inputSchema": {"type": "object"}, "annotations": annotations}
TOOLS = [tool("pid", readOnlyHint=True), tool("die", readOnlyHint=True), tool("act")]
TOOLS.append(tool("again", idempotentHint=True))
for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request:
        continue
    method, error = request["method"], None
    if method == "initialize":
        result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": NAME}}
    elif method == "tools/list":
        result = {"tools": TOOLS}
    elif method == "tools/call":
        name = request["params"]["name"]
        if name == "die" or (name in ("act", "again") and said() == 1):
            sys.exit("killed by its own tool")
        result = {"content": [{"type": "text", "text": str(os.getpid())}]}
    elif method == "ping":
        result = {}
    else:
        result, error = None, {"code": -32601, "message": "no such method"}
    answer = {"result": result} if error is None else {"error": error}
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}), flush=True)
"""


def process(name: str, count: Any) -> StdioCommand:
    """A small legacy server; its tools `act` and `again` end it when they are called for the first time."""
    return StdioCommand((sys.executable, "-c", PROCESS, name, str(count)))


class _Bytes(anyio.abc.ByteStream):
    def __init__(self, channel: MemoryChannel) -> None:
        self._channel = channel

    async def receive(self, max_bytes: int = 65536) -> bytes:
        del max_bytes
        return await self._channel.receive()

    async def send(self, item: bytes) -> None:
        await self._channel.send(item)

    async def send_eof(self) -> None:
        self._channel.close_sending()

    async def aclose(self) -> None:
        await self._channel.aclose()


class House:
    """Serves a server in memory, to whoever connects by `door`; `cut` ends the conversations so far."""

    def __init__(self, server: AdvancedMCPServer, tasks: anyio.abc.TaskGroup) -> None:
        self.server, self._tasks = server, tasks
        self.open: list[MemoryChannel] = []
        self.served = 0

    def door(self) -> MemoryChannel:
        near, far = memory_pair()
        self.open.append(far)
        self.served += 1
        stream = _Bytes(far)
        self._tasks.start_soon(self._serve, stream)
        return near

    async def _serve(self, stream: _Bytes) -> None:
        with suppress(anyio.EndOfStream, anyio.ClosedResourceError):
            await serve_stream(self.server, stream, stream)

    async def cut(self) -> None:
        for channel in self.open:
            await channel.aclose()
        self.open.clear()


@asynccontextmanager
async def house(server: AdvancedMCPServer) -> AsyncIterator[House]:
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            yield House(server, tasks)
            tasks.cancel_scope.cancel()


async def until(happened: Callable[[], object]) -> None:
    """Let the loop turn until something has happened; the deadline of the test bounds it."""
    while not happened():
        await anyio.lowlevel.checkpoint()


def text_of(result: dict[str, Any]) -> str:
    return result["content"][0]["text"]
