"""A server on FastMCP: `server_fastmcp.py stdio|http|sse`. All but stdio print their URL."""

import socket
import sys

import anyio
import mcp_types as types
import uvicorn
from fastmcp import Context, FastMCP
from pydantic import BaseModel

NAMES = ("Ada", "Alan", "Grace")

mcp = FastMCP("stranger", version="4", list_page_size=4)
gone = anyio.Event()


class Sum(BaseModel):
    sum: float


class Person(BaseModel):
    name: str


@mcp.tool
def add(a: float, b: float) -> Sum:
    """Add two numbers."""
    return Sum(sum=a + b)


@mcp.tool
def fail(message: str) -> str:
    """Fail."""
    raise ValueError(message)


@mcp.tool
async def steps(ctx: Context) -> str:
    """Report progress in three steps."""
    for step in (1, 2, 3):
        await ctx.report_progress(step, 3, f"step {step}")
    return "three steps"


@mcp.tool
async def wait(ctx: Context) -> str:
    """Say that it waits, and wait to be cancelled."""
    try:
        await ctx.report_progress(0)
        await anyio.sleep_forever()
    finally:
        gone.set()


@mcp.tool
async def waited() -> str:
    """Return once a `wait` was cancelled."""
    await gone.wait()
    return "it is gone"


@mcp.tool
async def log(ctx: Context) -> str:
    """Log a message."""
    await ctx.info("a word")
    return "info"


FORM = types.ElicitRequestFormParams(message="Your name?", requested_schema=Person.model_json_schema())
QUESTION = types.SamplingMessage(role="user", content=types.TextContent(type="text", text="What now?"))


def modern(ctx: Context) -> bool:
    return (ctx.request_context.protocol_version or "") >= "2026"


@mcp.tool
async def ask(ctx: Context) -> str | types.InputRequiredResult:
    """Ask the user for a name: by a request of its own, or inside the result where the revision has that."""
    if not modern(ctx):
        return f"Hello, {(await ctx.elicit('Your name?', Person)).data.name}"
    if ctx.input_responses is None:
        return types.InputRequiredResult(input_requests={"name": types.ElicitRequest(params=FORM)})
    return f"Hello, {ctx.input_responses['name'].content['name']}"


@mcp.tool
async def sample(ctx: Context) -> str | types.InputRequiredResult:
    """Ask the client's model, either way."""
    if not modern(ctx):
        answer = await ctx.session.create_message([QUESTION], max_tokens=10, related_request_id=ctx.request_id)
        return answer.content.text
    if ctx.input_responses is None:
        params = types.CreateMessageRequestParams(messages=[QUESTION], max_tokens=10)
        return types.InputRequiredResult(input_requests={"word": types.CreateMessageRequest(params=params)})
    return ctx.input_responses["word"].content.text


@mcp.tool
async def roots(ctx: Context) -> str | types.InputRequiredResult:
    """Ask the client for its roots, either way."""
    if not modern(ctx):
        found = await ctx.session.list_roots()
    elif ctx.input_responses is None:
        return types.InputRequiredResult(input_requests={"roots": types.ListRootsRequest()})
    else:
        found = ctx.input_responses["roots"]
    return " ".join(str(root.uri) for root in found.roots)


@mcp.tool
async def touch(uri: str, ctx: Context) -> str:
    """Announce a change of a resource."""
    params = types.ResourceUpdatedNotificationParams(uri=uri)
    await ctx.send_notification(types.ResourceUpdatedNotification(params=params))
    return uri


@mcp.tool
async def grow(ctx: Context) -> str:
    """Announce a change of the tools."""
    await ctx.send_notification(types.ToolListChangedNotification())
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


@mcp.prompt
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Greet {name}"


@mcp.completion
def complete(ref, argument, context):
    """Complete the name of `greet`."""
    return [name for name in NAMES if name.startswith(argument.value)]


def main(transport: str) -> None:
    if transport == "stdio":
        mcp.run(show_banner=False)
        return
    path = {"http": "/mcp", "sse": "/sse"}[transport]
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}{path}\n")
        sys.stdout.flush()
        app = mcp.http_app(path=path, transport=transport)
        uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
