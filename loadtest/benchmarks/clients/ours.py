"""The reference client: `python -m loadtest.benchmarks.clients.ours LOOP REVISION IN_FLIGHT URL|COMMAND...`."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import replace

import anyio

from reference_impl.client import ClientConnection, ClientSettings, StdioCommand, connect
from reference_impl.protocol.revisions import revision_named


async def main() -> None:
    """Connect, and call as often as each line of the input says."""
    revision, in_flight, target = revision_named(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]
    assert revision is not None
    settings = replace(ClientSettings(), revisions=(revision,))
    address = target[0] if target[0].startswith("http") else StdioCommand(tuple(target))
    async with connect(address, settings) as server:
        print("ready", flush=True)  # noqa: T201 - who measures reads it
        for line in sys.stdin:
            print(await _calls(server, in_flight, float(line)), flush=True)  # noqa: T201 - who measures reads it


async def _calls(server: ClientConnection, in_flight: int, seconds: float) -> int:
    done, end = 0, time.perf_counter() + seconds

    async def call() -> None:
        nonlocal done
        while time.perf_counter() < end:
            result = await server.call_tool("echo", {"text": "hello"})
            assert result["content"][0]["text"] == "hello"
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
