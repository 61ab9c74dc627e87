"""The reference client under soak: `python -m loadtest.benchmarks.clients.soaked URL|COMMAND...`.

It writes `ready`; for each line of its input, which is a number, it opens that many conversations, treats them badly,
rests, and writes what it still holds as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from reference_impl.client import ClientConnection, ClientError, ClientSettings, Filter, Handlers, StdioCommand, connect
from reference_impl.client.settings import CallOptions, JsonObject
from reference_impl.protocol.revisions import LATEST_LEGACY, REVISIONS

_AT_ONCE = 8
_REST = 0.3


async def main() -> None:
    """Do as the input says."""
    target = sys.argv[1] if sys.argv[1].startswith("http") else StdioCommand(tuple(sys.argv[1:]))
    # Names are looked up in threads; one is enough, and a pool that fills up over the rounds would look like a leak.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    print("ready", flush=True)  # noqa: T201 - who soaks reads it
    for line in sys.stdin:
        left = iter(range(int(line)))

        async def worker() -> None:
            for number in left:  # noqa: B023 - the workers of a round share its numbers
                await _visit(target, number)

        async with asyncio.TaskGroup() as workers:
            for _ in range(_AT_ONCE if isinstance(target, str) else 1):
                workers.create_task(worker())
        await asyncio.sleep(_REST)
        gc.collect()
        held = {"objects": len(gc.get_objects()), "tasks": len(asyncio.all_tasks())}
        print(json.dumps(held), flush=True)  # noqa: T201 - who soaks reads it


async def _elicit(_params: JsonObject) -> JsonObject:
    return {"action": "decline"}


async def _visit(target: StdioCommand | str, number: int) -> None:
    revisions = (LATEST_LEGACY,) if number % 2 else REVISIONS
    settings = ClientSettings(revisions=revisions, handlers=Handlers(elicitation=_elicit), timeout=5.0)
    async with connect(target, settings) as server:
        await server.call_tool("echo", {"text": "hello"})
        await server.call_tool("ask")
        with suppress(ClientError):
            await server.call_tool("wait", options=CallOptions(timeout=0.05))
        with suppress(ClientError):
            await server.call_tool("crash", options=CallOptions(on_progress=print))
        async with asyncio.TaskGroup() as group:
            abandoned = group.create_task(server.call_tool("wait"))
            group.create_task(_listen(server))
            await asyncio.sleep(0.01)
            abandoned.cancel()


async def _listen(server: ClientConnection) -> None:
    async with server.listen(Filter(uris=("soak://watched",))) as news:
        await server.call_tool("change")
        async for _ in news:
            return


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    asyncio.run(main())
