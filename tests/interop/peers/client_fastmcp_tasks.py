"""Tasks of 2026-07-28 by a client on FastMCP: `client_fastmcp_tasks.py stdio COMMAND... | http URL`."""

import sys
import warnings

import anyio
from fastmcp import Client
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport
from fastmcp.exceptions import ToolError
from fastmcp_tasks import call_tool_task
from mcp import MCPError
from report import Report

warnings.simplefilter("ignore")


async def elicit(message, response_type, params, context):
    fields = response_type.__dataclass_fields__
    return response_type(**{name: value for name, value in {"name": "Ada", "confirm": True}.items() if name in fields})


class Talk:
    """One connection, and what each feature shows."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def _text(self, name, arguments=None):
        return (await self.client.call_tool(name, arguments)).content[0].text

    async def followed(self):
        return await self._text("slow_compute", {"seconds": 0.1, "label": "tea"})

    async def states(self):
        task = await call_tool_task(self.client, "slow_compute", {"seconds": 0.1})
        first = await task.status()
        await task.wait()
        return [first.status, (await task.status()).status]

    async def failed(self):
        try:
            await self._text("failing_job")
        except ToolError as error:
            return str(error)

    async def broken(self):
        try:
            await self._text("protocol_error_job")
        except (MCPError, ToolError) as error:
            return "protocol error" in str(error)

    async def asked(self):
        return await self._text("confirm_delete", {"filename": "a"})

    async def asked_twice(self):
        return await self._text("multi_input")

    async def cancelled(self):
        task = await call_tool_task(self.client, "slow_compute", {"seconds": 60})
        await task.cancel()
        return (await task.status()).status

    async def plain(self):
        return await self._text("greet", {"name": "Ada"})


FEATURES = [name for name in vars(Talk) if not name.startswith("_")]


async def main() -> None:
    kind, *target = sys.argv[1:]
    transport = StreamableHttpTransport(target[0]) if kind == "http" else StdioTransport(target[0], target[1:])
    report = Report()
    async with Client(transport, elicitation_handler=elicit) as client:
        for name in FEATURES:
            await report.add(name, getattr(Talk(client), name))
    report.show()


anyio.run(main)
