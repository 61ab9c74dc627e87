"""A server on FastMCP that wants tokens, and is its own authorization server; it prints its URL."""

import socket
import sys

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider
from mcp.server.auth.settings import ClientRegistrationOptions


def main() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        options = ClientRegistrationOptions(enabled=True, valid_scopes=["mcp"], default_scopes=["mcp"])
        provider = InMemoryOAuthProvider(base_url=base, client_registration_options=options, required_scopes=["mcp"])
        mcp = FastMCP("guarded", auth=provider)
        mcp.tool(lambda: "in", name="who")
        sys.stdout.write(f"{base}/mcp\n")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(mcp.http_app(), log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
