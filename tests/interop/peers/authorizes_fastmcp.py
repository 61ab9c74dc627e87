"""A client on FastMCP that authorizes itself in the user's browser, lists the tools and calls them all: URL last."""

import sys
import warnings

import anyio

warnings.simplefilter("ignore")
from fastmcp import Client  # noqa: E402 - its import warns
from fastmcp.client.auth import OAuth  # noqa: E402 - as above

URL = sys.argv[-1]


async def main():
    async with Client(URL, auth=OAuth(client_name="stranger")) as client:
        for tool in await client.list_tools():
            await client.call_tool(tool.name, {})


anyio.run(main)
