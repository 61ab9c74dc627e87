"""The tools of the benchmarks on the reference server, metrics on: `ours.py stdio`, `ours.py http PORT`.

`ours.py brief PORT` forgets sessions half a second after their last use. `make_application` is for any ASGI server.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from reference_impl.metrics import ServerMetrics
from reference_impl.server import AdvancedMCPServer, Context
from reference_impl.server.run import run_http, run_stdio

if TYPE_CHECKING:
    from reference_impl.server.asgi import MCPApplication

__all__ = ["make_application", "make_server"]


def make_server() -> AdvancedMCPServer:
    """Return the server."""
    server = AdvancedMCPServer("benchmark", metrics=ServerMetrics())

    @server.tool()
    async def echo(text: str) -> str:
        return text

    @server.tool()
    async def count(text: str, context: Context) -> str:
        for step in (1, 2, 3):
            context.progress(step, 3)
        return text

    return server


def make_application(lifetime: float = 1800) -> MCPApplication:
    """Return the same as an ASGI application, whose sessions last so many seconds."""
    from reference_impl.server.asgi import HttpOptions, MCPApplication

    return MCPApplication(make_server(), options=HttpOptions(session_lifetime=lifetime))


def main() -> None:
    """Serve until the end of input or a signal."""
    match sys.argv[1:]:
        case ["http", port]:
            run_http(make_server(), port=int(port))
        case ["brief", port]:
            from reference_impl.server.uvicorn_runner import configured

            with socket.create_server(("127.0.0.1", int(port))) as listener:
                configured(make_application(0.5)).run(sockets=[listener])
        case _:
            run_stdio(make_server())


if __name__ == "__main__":
    main()
