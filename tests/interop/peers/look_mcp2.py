"""A plain client on the official Python SDK 2.x: `look_mcp2.py http URL | stdio COMMAND...`. Lists, calls, ends."""

import sys

import anyio
from mcp import Client, StdioServerParameters

SAMPLES = {"number": 1, "string": "x"}


async def main(kind, *target):
    server = StdioServerParameters(command=target[0], args=list(target[1:])) if kind == "stdio" else target[0]
    async with Client(server) as client:
        page = await client.list_tools()
        tools = list(page.tools)
        while page.next_cursor is not None:
            page = await client.list_tools(cursor=page.next_cursor)
            tools += page.tools
        for tool in tools:
            wanted = tool.input_schema.get("properties", {})
            await client.call_tool(tool.name, {name: SAMPLES[part["type"]] for name, part in wanted.items()})
        if client.server_capabilities.resources:
            await client.read_resource((await client.list_resources()).resources[0].uri)
        if client.server_capabilities.prompts:
            await client.get_prompt((await client.list_prompts()).prompts[0].name)


anyio.run(main, *sys.argv[1:])
