"""Running a server: `run_stdio`, `run_http`, and the command line that the reference servers share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssl import SSLContext

    from reference_impl.protocol.sealing import Cipher
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["main", "run_http", "run_stdio"]


def run_stdio(server: AdvancedMCPServer, *, seal: Cipher | None = None) -> None:
    """Serve on standard input and output until end of file or SIGTERM. Blocks.

    With `seal`, the keys of `security.sealing`, the client has to seal its messages.
    """
    from reference_impl.server.stdio import run_stdio as run

    run(server, seal)


def run_http(
    server: AdvancedMCPServer,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    transport: str = "http",
    tls: SSLContext | None = None,
    seal: Cipher | None = None,
) -> None:
    """Serve over HTTP until SIGTERM or SIGINT. Port 0 picks a free one. Blocks.

    `/mcp` speaks Streamable HTTP always; `transport` `sse` adds HTTP with SSE at `/sse`, `ws` WebSocket at `/ws`.
    `tls` is a context as `security.tls.server_context` makes it; if it demands client certificates, their subjects are
    the principals. With `seal`, the keys of `security.sealing`, messages over WebSocket have to be sealed.
    """
    from reference_impl.server.uvicorn_runner import run

    run(server, host, port, transport, tls=tls, seal=seal)


def main(make_server: Callable[[], AdvancedMCPServer], arguments: list[str] | None = None) -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=sys.modules[make_server.__module__].__doc__)
    parser.add_argument("--transport", choices=("stdio", "http", "sse", "ws"), default="stdio")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args(arguments)
    if options.transport == "stdio":
        run_stdio(make_server())
    else:
        run_http(make_server(), options.host, options.port, transport=options.transport)
