"""A server on FastMCP that takes the tokens of an issuer elsewhere: trusting_fastmcp.py ISSUER. It prints its URL."""

import socket
import sys

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.providers.jwt import JWTVerifier


def main() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        base, issuer = f"http://127.0.0.1:{listener.getsockname()[1]}", sys.argv[1]
        verifier = JWTVerifier(
            jwks_uri=f"{issuer}/jwks",
            issuer=issuer,
            audience=f"{base}/mcp",
            algorithm="ES256",
            required_scopes=["mcp"],
        )
        mcp = FastMCP("trusting", auth=RemoteAuthProvider(verifier, [issuer], base))
        mcp.tool(lambda: "in", name="who")
        sys.stdout.write(f"{base}/mcp\n")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(mcp.http_app(), log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
