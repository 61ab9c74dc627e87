"""A client on the official Python SDK 2.x that can be asked: `able_mcp2.py http URL | stdio COMMAND...`."""

import sys

import anyio
import mcp_types as types
from mcp import Client, StdioServerParameters

VALUES = {"string": "x", "integer": 1, "number": 2.5, "boolean": True}


def fill(schema):
    return {name: part.get("default", VALUES[part["type"]]) for name, part in schema["properties"].items()}


async def elicit(context, params):
    if params.mode == "url":
        return types.ElicitResult(action="decline")
    return types.ElicitResult(action="accept", content=fill(params.requested_schema))


async def sample(context, params):
    content = types.TextContent(type="text", text="forty-two")
    return types.CreateMessageResult(role="assistant", content=content, model="abacus")


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///home/ada")])


async def main(kind, *target):
    server = StdioServerParameters(command=target[0], args=list(target[1:])) if kind == "stdio" else target[0]
    handlers = {"elicitation_callback": elicit, "sampling_callback": sample, "list_roots_callback": roots}
    async with Client(server, **handlers) as client:
        for tool in (await client.list_tools()).tools:
            await client.call_tool(tool.name, {"a": 1, "b": 2} if tool.name == "add_numbers" else {})


anyio.run(main, *sys.argv[1:])
