"""A server on FastMCP whose tools run as tasks of 2026-07-28: `server_fastmcp_tasks.py stdio|http`.

Over HTTP it prints its URL.
"""

import socket
import sys

import anyio
import mcp_types as types
import uvicorn
from fastmcp import Context, FastMCP
from fastmcp_tasks import TasksExtension
from pydantic import BaseModel

mcp = FastMCP("stranger", version="4")
mcp.add_extension(TasksExtension(url="memory://"))


class Person(BaseModel):
    name: str


FORM = types.ElicitRequestFormParams(message="Your name?", requested_schema=Person.model_json_schema())


@mcp.tool(task=True)
async def compute() -> str:
    """Take a moment."""
    await anyio.sleep(0.05)
    return "forty-two"


@mcp.tool(task=True)
async def ask(ctx: Context) -> str | types.InputRequiredResult:
    """Ask the user in the middle of the task."""
    if ctx.input_responses is None:
        return types.InputRequiredResult(input_requests={"name": types.ElicitRequest(params=FORM)})
    return f"Hello, {ctx.input_responses['name'].content['name']}"


@mcp.tool(task=True)
async def fail() -> str:
    """Fail in the middle of the task."""
    raise ValueError("no luck")


def main(transport: str) -> None:
    if transport == "stdio":
        mcp.run(show_banner=False)
        return
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        sys.stdout.write(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp\n")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(mcp.http_app(path="/mcp"), log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1])
