"""Tasks of 2025-11-25 by a client on the official Python SDK 1.x: `client_mcp1_tasks.py stdio COMMAND... | http URL`.

Prints one JSON object of what it found.
"""

import json
import sys
import warnings

import anyio
from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

warnings.simplefilter("ignore")


def transport(kind, target):
    if kind == "stdio":
        return stdio_client(StdioServerParameters(command=target[0], args=target[1:]))
    return streamable_http_client(target[0])


async def elicit(context, params):
    return types.ElicitResult(action="accept", content={"confirm": True})


async def followed(session, name, arguments):
    """Call a tool as a task; return the states that were seen, and the text that it came to."""
    tasks = session.experimental
    task = (await tasks.call_tool_as_task(name, arguments, ttl=60_000)).task
    seen = [task.status]
    async for state in tasks.poll_task(task.taskId):
        seen.append(state.status)
        if state.status == "input_required":
            break
    result = await tasks.get_task_result(task.taskId, types.CallToolResult)
    return {"seen": seen, "text": result.content[0].text, "isError": result.isError}


async def cancelled(session):
    tasks = session.experimental
    task = (await tasks.call_tool_as_task("slow_compute", {"seconds": 60})).task
    state = await tasks.cancel_task(task.taskId)
    try:
        await tasks.cancel_task(task.taskId)
    except McpError as error:
        return [state.status, error.error.code]
    return [state.status]


async def main():
    kind, *target = sys.argv[1:]
    async with (
        transport(kind, target) as (read, write, *_),
        ClientSession(read, write, elicitation_callback=elicit) as session,
    ):
        await session.initialize()
        found = {
            "computed": await followed(session, "slow_compute", {"seconds": 0.05}),
            "confirmed": await followed(session, "confirm_delete", {"filename": "a.txt"}),
            "failed": await followed(session, "failing_job", {}),
            "cancelled": await cancelled(session),
            "listed": len((await session.experimental.list_tasks()).tasks),
        }
    sys.stdout.write(json.dumps(found) + "\n")


anyio.run(main)
