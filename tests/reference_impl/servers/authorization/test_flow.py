"""The whole way over real HTTP: a client is refused, finds the authorization server, gets a token, and is let in."""

import asyncio
import base64
import hashlib
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import uvicorn

from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.auth import Authorization, IntrospectionVerifier, JwtVerifier
from reference_impl.servers.authorization import AuthorizationServer, Client, Settings

pytestmark = pytest.mark.anyio
REDIRECT = "http://127.0.0.1:3000/callback"
VERIFIER = "verifier-" * 6
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@asynccontextmanager
async def served(make):
    """Serve what `make` makes of its own URL, on a free port of this machine."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(make(url), log_level="warning", ws="none", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        task = asyncio.ensure_future(server.serve(sockets=[listener]))
        try:
            yield url
        finally:
            server.should_exit = True
            await task


def protected(verifier, issuer, url):
    server = AdvancedMCPServer("protected")

    @server.tool("who", scopes=("files:read",))
    async def who(context) -> str:
        return context.access.subject

    resource = f"{url}/mcp"
    return MCPApplication(server, authorization=Authorization(resource, (issuer,), verifier(resource), scopes=("mcp",)))


async def call(session, url, token=None):
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "who", "_meta": meta}}
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "who"}
    headers["accept"] = "application/json, text/event-stream"
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    async with session.post(url, json=body, headers=headers) as response:
        return response.status, response.headers, await response.json()


def challenged(headers, name):
    return headers["www-authenticate"].split(f'{name}="')[1].split('"')[0]


async def fetched(session, url):
    async with session.get(url) as response:
        return await response.json()


async def obtained(session, headers):
    """Get a token with all scopes that a challenge asks for, as a client that knows nothing but the challenge."""
    metadata = await fetched(session, challenged(headers, "resource_metadata"))
    issuer = metadata["authorization_servers"][0]
    found = await fetched(session, f"{issuer}/.well-known/oauth-authorization-server")
    registration = {"redirect_uris": [REDIRECT], "token_endpoint_auth_method": "none"}
    async with session.post(found["registration_endpoint"], json=registration) as response:
        client_id = (await response.json())["client_id"]
    common = {"client_id": client_id, "redirect_uri": REDIRECT, "resource": metadata["resource"]}
    asked = {"response_type": "code", "scope": challenged(headers, "scope"), "login_hint": "ann", **common}
    asked |= {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    async with session.get(found["authorization_endpoint"], params=asked, allow_redirects=False) as response:
        answer = parse_qs(urlsplit(response.headers["location"]).query)
    assert answer["iss"] == [issuer]
    form = {"grant_type": "authorization_code", "code": answer["code"][0], "code_verifier": VERIFIER, **common}
    async with session.post(found["token_endpoint"], data=form) as response:
        return (await response.json())["access_token"]


@pytest.mark.parametrize("tokens", ["jwt", "opaque"])
async def test_a_client_that_knows_nothing_gets_in_step_by_step(tokens):
    resource_server = Client("rs", secret="s", methods=("client_secret_basic",), introspects=True)

    def verifier(resource):
        if tokens == "jwt":
            return JwtVerifier(resource, [issuer])
        return IntrospectionVerifier(resource, issuer, f"{issuer}/introspect", ("rs", "s"), cache_seconds=0)

    async with (
        served(lambda url: AuthorizationServer(Settings(url, (resource_server,), tokens=tokens))) as issuer,
        served(lambda url: protected(verifier, issuer, url)) as url,
        aiohttp.ClientSession() as session,
    ):
        status, headers, _ = await call(session, f"{url}/mcp")
        assert (status, challenged(headers, "scope")) == (401, "mcp")
        token = await obtained(session, headers)
        status, headers, _ = await call(session, f"{url}/mcp", token)
        assert (status, challenged(headers, "error")) == (403, "insufficient_scope")
        assert challenged(headers, "scope") == "mcp files:read"
        wider = await obtained(session, headers)
        status, _, answer = await call(session, f"{url}/mcp", wider)
        assert (status, answer["result"]["content"][0]["text"]) == (200, "ann")
        assert (await call(session, f"{url}/mcp", wider[:-4] + "AAAA"))[0] == 401


def test_the_command_prints_its_issuer_once_the_port_is_open():
    command = [sys.executable, "-m", "reference_impl.servers.authorization", "--port", "0", "--client", "a:b"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        url = process.stderr.readline().strip()
        with socket.create_connection(("127.0.0.1", urlsplit(url).port), timeout=10) as connection:
            connection.sendall(b"GET /jwks HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        process.terminate()
        assert process.wait(10) in (0, -15)
    assert b'"kty":"EC"' in answer
    assert url.startswith("http://127.0.0.1:")
