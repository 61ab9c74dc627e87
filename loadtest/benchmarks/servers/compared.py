"""One echo tool on a Python library of others: `compared.py mcp1|mcp2|fastmcp stdio|HOW [PORT]`.

HOW is `stateless-json`, `stateless-sse`, `session-json` or `session-sse`: whether sessions are kept, and which replies
the library is told to give. Over HTTP all run on uvicorn with uvloop and httptools, without an access log, in one
process. Run with the interpreter that has the library.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


async def echo(text: str) -> str:
    """Return the text."""
    return text


def mcp1(how: dict[str, bool]) -> tuple[Any, Any]:
    """Return the server and its application on the official SDK 1.x."""
    server: Any = import_module("mcp.server.fastmcp").FastMCP("compared", log_level="WARNING", **how)
    server.tool(structured_output=False)(echo)
    return server, server.streamable_http_app


def mcp2(how: dict[str, bool]) -> tuple[Any, Any]:
    """Return the same on the official SDK 2.x."""
    server: Any = import_module("mcp.server").MCPServer("compared")
    server.tool(structured_output=False)(echo)
    return server, lambda: server.streamable_http_app(**how)


def fastmcp(how: dict[str, bool]) -> tuple[Any, Any]:
    """Return the same on FastMCP."""
    server: Any = import_module("fastmcp").FastMCP("compared")
    server.tool(output_schema=None)(echo)
    return server, lambda: server.http_app(**how)


def main() -> None:
    """Serve until the end of input or a signal."""
    library, mode, *port = sys.argv[1:]
    how = {"stateless_http": mode.startswith("stateless"), "json_response": mode.endswith("json")}
    server, application = {"mcp1": mcp1, "mcp2": mcp2, "fastmcp": fastmcp}[library](how)
    if mode == "stdio":
        server.run("stdio", **({"show_banner": False} if library == "fastmcp" else {}))
        return
    import uvicorn

    uvicorn.run(
        application(), port=int(port[0]), log_level="warning", access_log=False, loop="uvloop", http="httptools"
    )


if __name__ == "__main__":
    main()
