"""A server on SDK 1.x that wants tokens, and is its own authorization server; it prints its URL."""

import secrets
import socket
import sys
import time

import uvicorn
from mcp.server.auth.provider import AccessToken, AuthorizationCode, RefreshToken, construct_redirect_uri
from mcp.server.auth.settings import AuthSettings, ClientRegistrationOptions
from mcp.server.fastmcp import FastMCP
from mcp.shared.auth import OAuthToken


class Provider:
    """Agrees to everything; a code and a refresh token are good for one use."""

    def __init__(self) -> None:
        self.clients, self.codes, self.tokens, self.refreshes = {}, {}, {}, {}

    async def get_client(self, client_id):
        return self.clients.get(client_id)

    async def register_client(self, client):
        self.clients[client.client_id] = client

    async def authorize(self, client, params):
        code = AuthorizationCode(
            code=secrets.token_hex(16),
            scopes=params.scopes or ["mcp"],
            expires_at=time.time() + 60,
            client_id=client.client_id,
            code_challenge=params.code_challenge,
            redirect_uri=params.redirect_uri,
            redirect_uri_provided_explicitly=params.redirect_uri_provided_explicitly,
        )
        self.codes[code.code] = code
        return construct_redirect_uri(str(params.redirect_uri), code=code.code, state=params.state)

    async def load_authorization_code(self, _, code):
        return self.codes.get(code)

    async def exchange_authorization_code(self, client, code):
        del self.codes[code.code]
        return self._issued(client, code.scopes)

    async def load_refresh_token(self, _, token):
        return self.refreshes.get(token)

    async def exchange_refresh_token(self, client, token, scopes):
        del self.refreshes[token.token]
        return self._issued(client, scopes)

    async def load_access_token(self, token):
        return self.tokens.get(token)

    async def revoke_token(self, token):
        """Revoke nothing."""

    def _issued(self, client, scopes):
        access, refresh = secrets.token_hex(16), secrets.token_hex(16)
        ends = int(time.time()) + 300
        self.tokens[access] = AccessToken(token=access, client_id=client.client_id, scopes=scopes, expires_at=ends)
        self.refreshes[refresh] = RefreshToken(token=refresh, client_id=client.client_id, scopes=scopes)
        return OAuthToken(access_token=access, token_type="Bearer", expires_in=300, refresh_token=refresh)


def main() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        settings = AuthSettings(
            issuer_url=base,
            resource_server_url=f"{base}/mcp",
            client_registration_options=ClientRegistrationOptions(enabled=True, valid_scopes=["mcp"]),
            required_scopes=["mcp"],
        )
        mcp = FastMCP("guarded", auth_server_provider=Provider(), auth=settings)
        mcp.tool(name="who")(lambda: "in")
        sys.stdout.write(f"{base}/mcp\n")
        sys.stdout.flush()
        uvicorn.Server(uvicorn.Config(mcp.streamable_http_app(), log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main()
