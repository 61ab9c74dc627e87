"""A protected server of ours and the authorization server beside it: `python -m tests.interop.guarded [--dpop]`.

With `--dpop` tokens have to be bound to keys, and each proof needs a nonce of the server that it is for.
"""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn

from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.auth import Authorization, DpopProofs, JwtVerifier, Nonces
from reference_impl.server.context import Context
from reference_impl.servers.authorization import AuthorizationServer, Features, Settings


def tools() -> AdvancedMCPServer:
    server = AdvancedMCPServer("guarded")

    @server.tool("who")
    async def who(context: Context) -> str:
        assert context.access is not None
        return f"{context.access.subject} {'bound' if context.access.jkt else 'bearer'}"

    @server.tool("write", scopes=("files:write",))
    async def write() -> str:
        return "written"

    return server


async def main() -> None:
    with socket.socket() as first, socket.socket() as second:
        for listener in (first, second):
            listener.bind(("127.0.0.1", 0))
            listener.listen()
        issuer, base = (f"http://127.0.0.1:{listener.getsockname()[1]}" for listener in (first, second))
        resource = f"{base}/mcp"
        strict = "--dpop" in sys.argv
        dpop = DpopProofs(required=True, nonces=Nonces()) if strict else None
        authorization = Authorization(resource, (issuer,), JwtVerifier(resource, [issuer]), scopes=("mcp",), dpop=dpop)
        applications = (
            AuthorizationServer(Settings(issuer, features=Features(dpop_nonces=strict))),
            MCPApplication(tools(), authorization=authorization),
        )
        sys.stdout.write(resource + "\n")
        sys.stdout.flush()
        servers = [uvicorn.Server(uvicorn.Config(each, log_level="warning", ws="none")) for each in applications]
        await asyncio.gather(*(server.serve([bound]) for server, bound in zip(servers, (first, second), strict=True)))


if __name__ == "__main__":
    asyncio.run(main())
