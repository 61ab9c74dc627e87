"""The server that the soak visits: `soaked.py stdio`, `soaked.py http PORT`. It tells what it holds (`census`)."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import logging
import socket
import sys
from contextlib import suppress
from typing import Any

from reference_impl.protocol.messages import encode_json
from reference_impl.server import AdvancedMCPServer, Context
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.run import run_stdio

__all__ = ["make_server"]

WATCHED = "soak://watched"
_SESSION_LIFETIME = 1.0
"""Seconds: a session that is abandoned in one round is gone before the next."""


def make_server() -> AdvancedMCPServer:
    """Return the server, without an HTTP face."""
    server = AdvancedMCPServer("soaked")
    _add_tools(server)

    @server.resource(WATCHED)
    async def watched() -> str:
        return "watched"

    return server


def _add_tools(server: AdvancedMCPServer) -> None:
    @server.tool()
    async def echo(text: str) -> str:
        return text

    @server.tool()
    async def wait(context: Context) -> str:
        context.progress(1, 2)
        await asyncio.sleep(3600)
        return "never"

    @server.tool()
    async def steps(context: Context) -> str:
        for step in range(3):
            context.progress(step, 3)
            await asyncio.sleep(0.01)
        return "done"

    @server.tool()
    async def ask(context: Context) -> str:
        return str(await context.elicit("Name?", {"type": "object", "properties": {"name": {"type": "string"}}}))

    @server.tool()
    async def crash() -> str:
        raise RuntimeError("as it should")

    @server.tool()
    async def change() -> str:
        server.resource_updated(WATCHED)
        return "changed"


def _add_census(server: AdvancedMCPServer, application: MCPApplication | None) -> None:
    @server.tool()
    async def census() -> str:
        return encode_json(_census(server, application)).decode()


def _census(server: AdvancedMCPServer, application: MCPApplication | None) -> dict[str, Any]:
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what was freed and is still held would look like a leak
    return {
        "objects": len(gc.get_objects()),
        "tasks": len(asyncio.all_tasks()),
        "sessions": len(server.hub.sessions),
        "subscriptions": len(server.hub.subscriptions),
        "stored": 0 if application is None else len(application.sessions),
    }


def _run_http(port: int) -> None:
    from reference_impl.server.uvicorn_runner import configured

    server = make_server()
    options = HttpOptions(session_lifetime=_SESSION_LIFETIME, http_sse=True, websocket=True)
    application = MCPApplication(server, options=options)
    _add_census(server, application)
    with socket.create_server(("127.0.0.1", port), backlog=2048) as listener:
        configured(application).run(sockets=[listener])


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    if sys.argv[1] == "stdio":
        soaked = make_server()
        _add_census(soaked, None)
        run_stdio(soaked)
    else:
        _run_http(int(sys.argv[2]))
