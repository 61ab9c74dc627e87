"""A server on the official Python SDK 2.x: `server_mcp2.py stdio|http|sse`. All but stdio print their URL."""

import socket
import sys
from typing import Annotated

import anyio
import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import Elicit, ListRoots, Resolve, Sample
from mcp_types import (
    Completion,
    CreateMessageResult,
    EmptyResult,
    ListResourcesResult,
    ListRootsResult,
    PaginatedRequestParams,
    Resource,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel

NAMES = ("Ada", "Alan", "Grace")
NOTES = tuple(f"note://shelf/{number}" for number in range(5))

mcp = MCPServer("stranger", version="2", log_level="WARNING")
lowlevel = mcp._lowlevel_server  # what the decorators leave out: pages, subscriptions, levels
gone = anyio.Event()


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
    raise ToolError(message)


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
    """Log a message."""
    await ctx.info("a word")
    return "info"


async def name_of_user() -> Elicit[Person]:
    return Elicit("Your name?", Person)


@mcp.tool()
async def ask(person: Annotated[Person, Resolve(name_of_user)]) -> str:
    """Ask the user for a name."""
    return f"Hello, {person.name}"


async def word_of_model() -> Sample:
    return Sample([SamplingMessage(role="user", content=TextContent(type="text", text="What now?"))], max_tokens=10)


@mcp.tool()
async def sample(answer: Annotated[CreateMessageResult, Resolve(word_of_model)]) -> str:
    """Ask the client's model."""
    return answer.content.text


async def roots_of_client() -> ListRoots:
    return ListRoots()


@mcp.tool()
async def roots(found: Annotated[ListRootsResult, Resolve(roots_of_client)]) -> str:
    """Ask the client for its roots."""
    return " ".join(str(root.uri) for root in found.roots)


@mcp.tool()
async def touch(uri: str, ctx: Context) -> str:
    """Announce a change of a resource, to clients of both eras."""
    await ctx.notify_resource_updated(uri)
    await ctx.session.send_resource_updated(uri)
    return uri


@mcp.tool()
async def grow(ctx: Context) -> str:
    """Announce a change of the tools, to clients of both eras."""
    await ctx.notify_tools_changed()
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
    return Completion(values=[name for name in NAMES if name.startswith(argument.value)])


async def list_resources(_, params: PaginatedRequestParams) -> ListResourcesResult:
    start = int(params.cursor or 0)
    found = [Resource(uri=uri, name=uri) for uri in NOTES[start : start + 2]]
    return ListResourcesResult(resources=found, next_cursor=str(start + 2) if start + 2 < len(NOTES) else None)


async def nothing(*_) -> EmptyResult:
    return EmptyResult()


lowlevel.add_request_handler("resources/list", PaginatedRequestParams, list_resources)
lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, nothing)
lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, nothing)
lowlevel.add_request_handler("logging/setLevel", SetLevelRequestParams, nothing)


def main(transport: str) -> None:
    if transport == "stdio":
        mcp.run()
        return
    path, app = {"http": ("/mcp", mcp.streamable_http_app), "sse": ("/sse", mcp.sse_app)}[transport]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}{path}\n")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(app(), log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
