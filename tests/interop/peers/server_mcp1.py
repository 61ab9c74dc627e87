"""A server on the official Python SDK 1.x: `server_mcp1.py stdio|http|sse|ws`. All but stdio print their URL."""

import socket
import sys

import anyio
import uvicorn
from mcp import types
from mcp.server.fastmcp import Context, FastMCP
from mcp.server.websocket import websocket_server
from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

NAMES = ("Ada", "Alan", "Grace")
NOTES = tuple(f"note://shelf/{number}" for number in range(5))

mcp = FastMCP("stranger")
lowlevel = mcp._mcp_server  # what the decorators of FastMCP leave out: pages, subscriptions, levels
gone = anyio.Event()
levels = ["info"]


class Sum(BaseModel):
    sum: float


class Person(BaseModel):
    name: str


@mcp.tool()
def add(a: float, b: float) -> Sum:
    """Add two numbers."""
    return Sum(sum=a + b)


@mcp.tool()
def fail(message: str) -> str:
    """Fail."""
    raise ValueError(message)


@mcp.tool()
async def steps(ctx: Context) -> str:
    """Report progress in three steps."""
    for step in (1, 2, 3):
        await ctx.report_progress(step, 3, f"step {step}")
    return "three steps"


@mcp.tool()
async def wait(ctx: Context) -> str:
    """Say that it waits, and wait to be cancelled."""
    try:
        await ctx.report_progress(0)
        await anyio.sleep_forever()
    finally:
        gone.set()


@mcp.tool()
async def waited() -> str:
    """Return once a `wait` was cancelled."""
    await gone.wait()
    return "it is gone"


@mcp.tool()
async def log(ctx: Context) -> str:
    """Log a message at the level of the session."""
    await ctx.log(levels[-1], "a word")
    return levels[-1]


@mcp.tool()
async def ask(ctx: Context) -> str:
    """Ask the user for a name."""
    answer = await ctx.elicit("Your name?", Person)
    return f"Hello, {answer.data.name}" if answer.action == "accept" else answer.action


@mcp.tool()
async def sample(ctx: Context) -> str:
    """Ask the client's model."""
    question = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="What now?"))
    answer = await ctx.session.create_message([question], max_tokens=10, related_request_id=ctx.request_id)
    return answer.content.text


@mcp.tool()
async def roots(ctx: Context) -> str:
    """Ask the client for its roots."""
    return " ".join(str(root.uri) for root in (await ctx.session.list_roots()).roots)


@mcp.tool()
async def touch(uri: str, ctx: Context) -> str:
    """Announce a change of a resource."""
    await ctx.session.send_resource_updated(uri)
    return uri


@mcp.tool()
async def grow(ctx: Context) -> str:
    """Announce a change of the tools."""
    await ctx.session.send_tool_list_changed()
    return "announced"


@mcp.resource("note://text", mime_type="text/plain")
def text() -> str:
    """A text."""
    return "a note"


@mcp.resource("note://bytes", mime_type="application/octet-stream")
def data() -> bytes:
    """Four bytes."""
    return b"\x00\x01\x02\xff"


@mcp.resource("note://page/{number}", mime_type="text/plain")
def page(number: str) -> str:
    """Any page."""
    return f"page {number}"


@mcp.prompt()
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Greet {name}"


@mcp.completion()
async def complete(ref, argument, context):
    """Complete the name of `greet`."""
    return types.Completion(values=[name for name in NAMES if name.startswith(argument.value)])


@lowlevel.list_resources()
async def list_resources(request: types.ListResourcesRequest) -> types.ListResourcesResult:
    """List two resources a page."""
    start = int(request.params.cursor) if request.params and request.params.cursor else 0
    found = [types.Resource(uri=uri, name=uri) for uri in NOTES[start : start + 2]]
    return types.ListResourcesResult(resources=found, nextCursor=str(start + 2) if start + 2 < len(NOTES) else None)


@lowlevel.subscribe_resource()
async def subscribe(uri) -> None:
    """Take a subscription; `touch` announces to everybody."""


@lowlevel.unsubscribe_resource()
async def unsubscribe(uri) -> None:
    """Take the end of a subscription."""


@lowlevel.set_logging_level()
async def set_level(wanted: str) -> None:
    """Remember the level."""
    levels.append(wanted)


async def over_websocket(websocket) -> None:
    async with websocket_server(websocket.scope, websocket.receive, websocket.send) as (reading, writing):
        await lowlevel.run(reading, writing, lowlevel.create_initialization_options())


def main(transport: str) -> None:
    if transport == "stdio":
        mcp.run()
        return
    scheme, path, app = {
        "http": ("http", "/mcp", mcp.streamable_http_app),
        "sse": ("http", "/sse", mcp.sse_app),
        "ws": ("ws", "/ws", lambda: Starlette(routes=[WebSocketRoute("/ws", over_websocket)])),
    }[transport]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        sys.stdout.write(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}{path}\n")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(app(), log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
