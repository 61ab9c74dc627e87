"""A client on the official Python SDK 1.x or 2.x that authorizes itself, lists the tools and calls them all: URL last.

It takes an id that the official suite's contract gives it, and follows the authorization URL itself.
"""

import json
import os
import sys
import warnings
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import anyio
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata

warnings.simplefilter("ignore")
try:
    import httpx2 as httpx
    from mcp import Client
except ImportError:
    import httpx

    Client = None

REDIRECT = "http://localhost:3030/callback"
DOCUMENT = "https://stranger.invalid/client.json"
URL = sys.argv[-1]


class Storage:
    """What the client remembers."""

    def __init__(self):
        told = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
        self.tokens = None
        self.client = None
        if "client_id" in told:
            self.client = OAuthClientInformationFull(
                client_id=told["client_id"],
                client_secret=told["client_secret"],
                redirect_uris=[REDIRECT],
                token_endpoint_auth_method="client_secret_basic",
            )
            if "issuer" in told and "issuer" in OAuthClientInformationFull.model_fields:
                self.client = self.client.model_copy(update={"issuer": told["issuer"]})

    async def get_tokens(self):
        return self.tokens

    async def set_tokens(self, tokens):
        self.tokens = tokens

    async def get_client_info(self):
        return self.client

    async def set_client_info(self, client):
        self.client = client


class User:
    """A user whose browser goes where it is sent, and brings the answer back."""

    def __init__(self):
        self.answer = {}

    async def visit(self, url):
        async with httpx.AsyncClient() as browser:
            response = await browser.get(url)
        self.answer = {name: one for name, [one] in parse_qs(urlsplit(response.headers["location"]).query).items()}

    async def come_back(self):
        if Client is None:
            return self.answer["code"], self.answer.get("state")
        from mcp.shared.auth import AuthorizationCodeResult

        given = {name: self.answer.get(name) for name in ("code", "state", "iss")}
        return AuthorizationCodeResult(**given)


@asynccontextmanager
async def connected(auth):
    if Client is not None:
        from mcp.client.streamable_http import streamable_http_client

        async with (
            httpx.AsyncClient(auth=auth) as http,
            Client(streamable_http_client(URL, http_client=http)) as client,
        ):
            yield client
        return
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client

    async with streamablehttp_client(URL, auth=auth) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        yield session


async def main():
    user = User()
    wanted = OAuthClientMetadata(
        client_name="stranger", redirect_uris=[REDIRECT], grant_types=["authorization_code", "refresh_token"]
    )
    auth = OAuthClientProvider(URL, wanted, Storage(), user.visit, user.come_back, client_metadata_url=DOCUMENT)
    async with connected(auth) as client:
        for tool in (await client.list_tools()).tools:
            await client.call_tool(tool.name, {})


anyio.run(main)
