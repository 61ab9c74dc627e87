"""The same tools on the official Python SDK 2.x: `sdk.py stdio`, `sdk.py http PORT`, `sdk.py sse PORT`.

`http` is its fastest configuration: stateless, JSON replies, `async` tools, uvicorn on uvloop and httptools. `sse`
keeps sessions and answers with event streams. Run with the interpreter that has the SDK.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


def make_server() -> Any:
    """Return the server."""
    server: Any = import_module("mcp.server").MCPServer("benchmark")
    context_type: Any = import_module("mcp.server.mcpserver").Context

    async def echo(text: str) -> str:
        return text

    async def count(text: str, context: Any) -> str:
        for step in (1, 2, 3):
            await context.report_progress(step, 3)
        return text

    # The SDK finds its context by the hint, which this module cannot spell: it is read where there is no SDK too.
    count.__annotations__["context"] = context_type
    for tool in (echo, count):
        server.tool(structured_output=False)(tool)
    return server


def main() -> None:
    """Serve until the end of input or a signal."""
    mode, server = sys.argv[1], make_server()
    if mode == "stdio":
        server.run("stdio")
        return
    import uvicorn

    fast = mode == "http"
    application = server.streamable_http_app(stateless_http=fast, json_response=fast)
    uvicorn.run(
        application, port=int(sys.argv[2]), log_level="warning", access_log=False, loop="uvloop", http="httptools"
    )


if __name__ == "__main__":
    main()
