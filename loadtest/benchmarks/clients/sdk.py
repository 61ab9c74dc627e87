"""The official SDK's client: `sdk.py LOOP REVISION|legacy IN_FLIGHT URL|COMMAND...`, run where the SDK is installed."""

from __future__ import annotations

import asyncio
import sys
import time
from importlib import import_module
from typing import Any

import anyio


async def main() -> None:
    """Connect, and call as often as each line of the input says."""
    mode, in_flight, target = sys.argv[2], int(sys.argv[3]), sys.argv[4:]
    client: Any = import_module("mcp.client.client").Client
    async with client(_address(target), mode=mode) as server:
        print("ready", flush=True)  # noqa: T201 - who measures reads it
        for line in sys.stdin:
            print(await _calls(server, in_flight, float(line)), flush=True)  # noqa: T201 - who measures reads it


def _address(target: list[str]) -> Any:
    if target[0].startswith("http"):
        return target[0]
    stdio: Any = import_module("mcp.client.stdio")
    return stdio.stdio_client(stdio.StdioServerParameters(command=target[0], args=target[1:]))


async def _calls(server: Any, in_flight: int, seconds: float) -> int:
    done, end = 0, time.perf_counter() + seconds

    async def call() -> None:
        nonlocal done
        while time.perf_counter() < end:
            result = await server.call_tool("echo", {"text": "hello"})
            assert result.content[0].text == "hello"
            done += 1

    async with anyio.create_task_group() as tasks:
        for _ in range(in_flight):
            tasks.start_soon(call)
    return done


if __name__ == "__main__":
    if sys.argv[1] == "uvloop":
        import uvloop

        uvloop.run(main())
    else:
        asyncio.run(main())
