"""The client over WebSocket against servers that are a few lines each."""

import json
from contextlib import asynccontextmanager

import anyio
import pytest
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response

from reference_impl.client import ClientSettings, ConnectionClosed, HttpRefused, connect, ways

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


@asynccontextmanager
async def listening(handler, **options):
    async with serve(handler, "127.0.0.1", 0, subprotocols=["mcp"], close_timeout=1, **options) as server:
        with anyio.fail_after(10):
            yield f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}/ws"


def answer(message):
    result = {}
    if message["method"] == "initialize":
        result = {"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "ws"}}
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})


async def legacy(socket):
    """Serves a legacy client; leaves one that asks what it does not know."""
    async for text in socket:
        message = json.loads(text)
        if message["method"] == "server/discover":
            return
        if "id" in message:
            await socket.send(answer(message))


async def test_a_server_that_leaves_at_the_probe_is_greeted_on_another_socket():
    async with listening(legacy) as url, connect(url) as client:
        assert client.revision.name == "2025-06-18"
        await client.ping()


async def test_a_server_that_leaves_fails_what_waits_and_what_follows():
    async def handler(socket):
        for _ in range(2):
            message = json.loads(await socket.recv())
            if "id" in message:
                await socket.send(answer(message))
        await socket.recv()
        await socket.close(1011, "broken")

    async with listening(handler) as url, connect(url, ClientSettings(revisions=ClientSettings().legacy)) as client:
        for _ in range(2):
            with pytest.raises(ConnectionClosed, match=r"1011.*broken"):
                await client.ping()


class Steps:
    """An authorizer that has a better token after each refusal."""

    generation = 0

    def __init__(self, *tokens):
        self.tokens, self.refusals = list(tokens), []

    async def headers(self, *_):
        return {"authorization": f"Bearer {self.tokens[0]}"}

    async def answer(self, refusal):
        self.refusals.append(refusal)
        self.tokens.pop(0)
        return bool(self.tokens)

    def noted(self, *_):
        raise AssertionError("there is no response but the handshake's")


def guarded(connection, request):
    if request.headers["Authorization"] == "Bearer good":
        return None
    headers = Headers({"WWW-Authenticate": 'Bearer error="invalid_token"', "Content-Length": "2"})
    return Response(401, "Unauthorized", headers, b"no")


async def test_authorization_is_sought_again_after_a_challenge():
    steps = Steps("stale", "good")
    async with (
        listening(legacy, process_request=guarded) as url,
        connect(url, ClientSettings(authorizer=steps)) as client,
    ):
        await client.ping()
        (refusal,) = steps.refusals
        assert (refusal.status, refusal.headers["www-authenticate"]) == (401, 'Bearer error="invalid_token"')
        assert refusal.server == url.replace("ws:", "http:")


async def test_a_refusal_that_cannot_be_helped_is_told():
    async with listening(legacy, process_request=guarded) as url:
        with pytest.raises(HttpRefused, match="401") as refused:
            async with connect(url, ClientSettings(authorizer=Steps("stale"))):
                pass
        assert refused.value.challenge == 'Bearer error="invalid_token"'


async def test_without_the_library_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(ways, "find_spec", lambda _: None)
    with pytest.raises(ConnectionClosed, match="WebSocket needs websockets: install mcp-touchstone"):
        async with connect("ws://127.0.0.1:1/ws"):
            pass
