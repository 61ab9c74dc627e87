"""The tools of the benchmarks on the reference server, metrics on: `ours.py stdio`, `ours.py http PORT`."""

from __future__ import annotations

import sys

from reference_impl.metrics import ServerMetrics
from reference_impl.server import AdvancedMCPServer, Context
from reference_impl.server.run import run_http, run_stdio

__all__ = ["make_server"]


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


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        run_stdio(make_server())
    else:
        run_http(make_server(), port=int(sys.argv[2]))
