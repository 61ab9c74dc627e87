"""HTTP under uvicorn, stopping fast even while streams are open."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import sys
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.http.certificate import certified
from reference_impl.server.uvicorn_choice import choose, fits

if TYPE_CHECKING:
    from reference_impl.protocol.sealing import Cipher
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["configured", "run"]


class _Server(uvicorn.Server):
    """Tells the application first: uvicorn waits for open responses, and event streams end only if somebody ends
    them."""

    def __init__(self, config: uvicorn.Config, application: MCPApplication) -> None:
        super().__init__(config)
        self._application = application
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        if not await fits(self.config):
            self.config.http_protocol_class = AutoHTTPProtocol
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


def run(
    server: AdvancedMCPServer,
    host: str,
    port: int,
    transport: str = "http",
    *,
    tls: ssl.SSLContext | None = None,
    seal: Cipher | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; prints the URL on standard error once the port is open. See `run_http`."""
    options = HttpOptions(http_sse=transport == "sse", websocket=transport == "ws", seal=seal)
    application = MCPApplication(server, options=options)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
        sys.stderr.write(_url(host, listener.getsockname()[1], transport, secure=tls is not None) + "\n")
        sys.stderr.flush()
        configured(application, tls).run(sockets=[listener])


def configured(application: MCPApplication, tls: ssl.SSLContext | None = None) -> uvicorn.Server:
    """Return a uvicorn server for an application, bounded by its options."""
    options = application.options
    config = uvicorn.Config(
        application if tls is None else certified(application, demanded=tls.verify_mode is not ssl.CERT_NONE),
        access_log=False,
        log_level="warning",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        ws_max_size=options.largest_body,
        ws_ping_interval=options.ping_interval,
        ws_ping_timeout=options.ping_timeout,
        ws_per_message_deflate=False,
        **choose(websocket=options.websocket),
    )
    config.load()
    config.ssl = tls  # a context of ours: uvicorn itself would only take files
    return _Server(config, application)


def _url(host: str, port: int, transport: str, *, secure: bool) -> str:
    scheme, path = {"ws": ("ws", "/ws"), "sse": ("http", "/sse")}.get(transport, ("http", "/mcp"))
    return f"{scheme}{'s' if secure else ''}://{f'[{host}]' if ':' in host else host}:{port}{path}"
