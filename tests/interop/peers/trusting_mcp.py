"""A server on SDK 1.x or 2.x that takes tokens of an issuer elsewhere: trusting_mcp.py ISSUER. It prints its URL."""

import json
import socket
import sys
import urllib.request

import jwt
import uvicorn
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings

try:
    from mcp.server.fastmcp import FastMCP as Server
except ImportError:
    from mcp.server.mcpserver import MCPServer as Server


class Verifier:
    """Verifies tokens as the examples of the SDK do: signature, time, audience."""

    def __init__(self, issuer, resource):
        self.issuer, self.resource = issuer, resource

    def keys(self):
        with urllib.request.urlopen(f"{self.issuer}/jwks") as reply:
            return {key["kid"]: jwt.PyJWK(key) for key in json.load(reply)["keys"]}

    async def verify_token(self, token):
        try:
            key = self.keys()[jwt.get_unverified_header(token)["kid"]]
            claims = jwt.decode(token, key, ["ES256"], audience=self.resource, issuer=self.issuer)
        except (jwt.PyJWTError, KeyError):
            return None
        return AccessToken(
            token=token,
            client_id=claims["client_id"],
            scopes=claims["scope"].split(),
            expires_at=claims["exp"],
            resource=claims["aud"],
        )


def main() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        resource = f"{base}/mcp"
        settings = AuthSettings(issuer_url=sys.argv[1], resource_server_url=resource, required_scopes=["mcp"])
        server = Server("trusting", token_verifier=Verifier(sys.argv[1], resource), auth=settings)
        server.tool(name="who")(lambda: "in")
        sys.stdout.write(f"{resource}\n")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
