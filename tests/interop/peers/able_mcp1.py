"""A client on the official Python SDK 1.x that can be asked: `able_mcp1.py http URL | stdio COMMAND...`."""

import sys

import anyio
from look_mcp1 import transport
from mcp import ClientSession, types

VALUES = {"string": "x", "integer": 1, "number": 2.5, "boolean": True}


def fill(schema):
    return {name: part.get("default", VALUES[part["type"]]) for name, part in schema["properties"].items()}


async def elicit(context, params):
    if params.mode == "url":
        return types.ElicitResult(action="decline")
    return types.ElicitResult(action="accept", content=fill(params.requestedSchema))


async def sample(context, params):
    content = types.TextContent(type="text", text="forty-two")
    return types.CreateMessageResult(role="assistant", content=content, model="abacus")


async def roots(context):
    return types.ListRootsResult(roots=[types.Root(uri="file:///home/ada")])


async def main(kind, *target):
    handlers = {"elicitation_callback": elicit, "sampling_callback": sample, "list_roots_callback": roots}
    async with transport(kind, target) as streams, ClientSession(streams[0], streams[1], **handlers) as session:
        await session.initialize()
        for tool in (await session.list_tools()).tools:
            await session.call_tool(tool.name, {"a": 1, "b": 2} if tool.name == "add_numbers" else {})


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
