"""Clients that are asked whether they are there: those that answer stay, the others go."""

import asyncio

import anyio
import pytest

from reference_impl.server import AdvancedMCPServer, ServerOptions
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.stream import serve_stream
from tests.reference_impl.server.conftest import LineClient

pytestmark = pytest.mark.anyio
EVENTS = {"accept": "text/event-stream"}


def impatient(**options):
    return AdvancedMCPServer("s", options=ServerOptions(ping_interval=0.01, ping_timeout=0.05, **options))


async def pinged(client):
    """Return the next ping."""
    message = await client.receive()
    while message["method"] != "ping":
        message = await client.receive()
    return message["id"]


async def test_a_client_that_answers_is_asked_again_and_stays(over_lines):
    async with over_lines(impatient()) as client:
        await client.initialize()
        for answer in ({"result": {}}, {"error": {"code": -32601, "message": "what is that?"}}) * 2:
            await client.send({"jsonrpc": "2.0", "id": await pinged(client), **answer})
        assert "result" in await client.ask("ping")


async def test_the_conversation_with_one_that_does_not_ends():
    to_server, at_server = anyio.create_memory_object_stream(10)
    to_client, at_client = anyio.create_memory_object_stream(10)
    async with to_server, at_server, to_client, at_client:
        serving = asyncio.ensure_future(serve_stream(impatient(), at_server, to_client))
        client = LineClient(to_server, at_client)
        await client.initialize()
        first = await pinged(client)
        cancelled = await client.receive()
        assert cancelled["method"] == "notifications/cancelled"
        assert cancelled["params"]["requestId"] == first
        await asyncio.wait_for(serving, 5)


async def test_nobody_is_asked_before_the_handshake_is_complete_or_in_the_modern_era(over_lines):
    async with over_lines(impatient()) as client:
        loop = asyncio.get_running_loop()
        end = loop.time() + 0.05
        while loop.time() < end:
            assert "result" in await client.modern("server/discover")
        assert client.seen == []


async def test_over_http_only_those_are_asked_who_listen_and_their_sessions_end_with_their_silence(web_of):
    server = impatient()
    web = web_of(MCPApplication(server))
    talking, silent = await web.initialize(), await web.initialize()
    stream = await web.open("GET", headers=silent | EVENTS)
    assert (await stream.message())["method"] == "ping"
    assert (await stream.message())["method"] == "notifications/cancelled"
    assert await stream.message() is None
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert (await web.send("POST", ping, silent)).status == 404
    assert (await web.send("POST", ping, talking)).status == 200
    await web.close()
