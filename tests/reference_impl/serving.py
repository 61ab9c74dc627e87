"""An application under uvicorn, in the loop of the test."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from reference_impl.server.asgi import MCPApplication
from reference_impl.server.uvicorn_runner import configured

PATIENCE = 600


@dataclass
class Served:
    """Where it listens, and how to make it shut down."""

    address: str
    port: int
    stop: Callable[[], None]


@asynccontextmanager
async def serving(
    application: MCPApplication, tls: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[Served]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        runner = configured(application, tls)
        running = asyncio.ensure_future(runner.serve(sockets=[listener]))

        def stop() -> None:
            if not runner.should_exit:
                runner.handle_exit(2, None)

        port = listener.getsockname()[1]
        try:
            with anyio.fail_after(PATIENCE):
                yield Served(f"127.0.0.1:{port}", port, stop)
        finally:
            stop()
            await asyncio.wait_for(running, PATIENCE)
