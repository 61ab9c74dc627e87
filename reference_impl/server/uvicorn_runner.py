"""HTTP under uvicorn, stopping fast even while streams are open."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from reference_impl.server.asgi import HttpOptions, MCPApplication

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["run"]


class _Server(uvicorn.Server):
    """Tells the application first: uvicorn waits for open responses, and event streams end only if somebody ends
    them."""

    def __init__(self, config: uvicorn.Config, application: MCPApplication) -> None:
        super().__init__(config)
        self._application = application
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is there now stays: later collections need not look at it

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop; unlike uvicorn's own, do not raise the signal again afterwards: an end that was asked for exits with
        0."""
        del sig, frame
        self.force_exit, self.should_exit = self.should_exit, True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._application.close)


def run(server: AdvancedMCPServer, host: str, port: int, transport: str = "http") -> None:
    """Serve until SIGTERM or SIGINT; prints the URL on standard error once the port is open."""
    application = MCPApplication(server, options=HttpOptions(http_sse=transport == "sse", websocket=transport == "ws"))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
        sys.stderr.write(_url(host, listener.getsockname()[1], transport) + "\n")
        sys.stderr.flush()
        config = uvicorn.Config(
            application,
            access_log=False,
            log_level="warning",
            lifespan="on",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=3,
            ws="auto" if transport == "ws" else "none",
        )
        _Server(config, application).run(sockets=[listener])


def _url(host: str, port: int, transport: str) -> str:
    scheme, path = {"ws": ("ws", "/ws"), "sse": ("http", "/sse")}.get(transport, ("http", "/mcp"))
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{path}"
