"""Servers for the tests of the client manager: in memory, to be connected to again and again; and as processes."""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio

from reference_impl.client import ClientSettings, RetryPolicy, StdioCommand
from reference_impl.client.manager import ManagerOptions
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.in_memory import serving_in_memory
from reference_impl.transports.memory import MemoryChannel

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


class House:
    """Serves a server in memory, to whoever connects by `door`; `cut` ends the conversations so far."""

    def __init__(self, server: AdvancedMCPServer, open_conversation: Callable[[], MemoryChannel]) -> None:
        self.server, self._open = server, open_conversation
        self.conversations: list[MemoryChannel] = []
        self.served = 0

    def door(self) -> MemoryChannel:
        self.served += 1
        self.conversations.append(self._open())
        return self.conversations[-1]

    async def cut(self) -> None:
        for channel in self.conversations:
            channel.close_sending()
        self.conversations.clear()


@asynccontextmanager
async def house(server: AdvancedMCPServer) -> AsyncIterator[House]:
    with anyio.fail_after(20):
        async with serving_in_memory(server) as open_conversation:
            yield House(server, open_conversation)


async def until(happened: Callable[[], object]) -> None:
    """Let the loop turn until something has happened; the deadline of the test bounds it."""
    while not happened():
        await anyio.lowlevel.checkpoint()


def text_of(result: dict[str, Any]) -> str:
    return result["content"][0]["text"]
