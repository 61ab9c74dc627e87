"""A plain client on the official Python SDK 1.x: `look_mcp1.py http URL | stdio COMMAND...`. Lists, calls, ends."""

import sys

import anyio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

SAMPLES = {"number": 1, "string": "x"}


def transport(kind, target):
    if kind == "stdio":
        return stdio_client(StdioServerParameters(command=target[0], args=target[1:]))
    return streamable_http_client(target[0])


async def main(kind, *target):
    async with transport(kind, target) as streams, ClientSession(streams[0], streams[1]) as session:
        offered = (await session.initialize()).capabilities
        page = await session.list_tools()
        tools = list(page.tools)
        while page.nextCursor:
            page = await session.list_tools(cursor=page.nextCursor)
            tools += page.tools
        for tool in tools:
            wanted = tool.inputSchema.get("properties", {})
            await session.call_tool(tool.name, {name: SAMPLES[part["type"]] for name, part in wanted.items()})
        if offered.resources:
            await session.read_resource((await session.list_resources()).resources[0].uri)
        if offered.prompts:
            await session.get_prompt((await session.list_prompts()).prompts[0].name)
        await session.send_ping()


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
