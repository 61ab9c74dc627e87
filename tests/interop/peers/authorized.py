"""A client on the official Python SDK 1.x or 2.x that has to get its tokens: `authorized.py URL`."""

import json
import sys
import warnings
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import anyio
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import OAuthClientMetadata

warnings.simplefilter("ignore")
try:
    import httpx2 as httpx
    from mcp import Client
except ImportError:
    import httpx

    Client = None

REDIRECT = "http://127.0.0.1:3030/callback"
URL = sys.argv[1]


class Storage:
    """What the client remembers."""

    def __init__(self):
        self.kept = {}

    async def get_tokens(self):
        return self.kept.get("tokens")

    async def set_tokens(self, tokens):
        self.kept["tokens"] = tokens

    async def get_client_info(self):
        return self.kept.get("client")

    async def set_client_info(self, client):
        self.kept["client"] = client


class User:
    """A user whose browser goes where it is sent, and brings the answer back."""

    def __init__(self):
        self.asked = []
        self.answer = {}

    async def visit(self, url):
        self.asked.append(parse_qs(urlsplit(url).query).get("scope", [""])[0])
        async with httpx.AsyncClient() as browser:
            response = await browser.get(url)
        self.answer = {name: one for name, [one] in parse_qs(urlsplit(response.headers["location"]).query).items()}

    async def come_back(self):
        if Client is None:
            return self.answer["code"], self.answer["state"]
        from mcp.shared.auth import AuthorizationCodeResult

        return AuthorizationCodeResult(**{name: self.answer[name] for name in ("code", "state", "iss")})


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
    wanted = OAuthClientMetadata(client_name="stranger", redirect_uris=[REDIRECT])
    auth = OAuthClientProvider(URL, wanted, Storage(), user.visit, user.come_back)
    async with connected(auth) as client:
        said = [(await client.call_tool(name, {})).content[0].text for name in ("who", "write", "who")]
    sys.stdout.write(json.dumps({"said": said, "asked": user.asked}) + "\n")


anyio.run(main)
