"""Roots of legacy clients: remembered as long as the client would tell of a change."""

from __future__ import annotations

import pytest

from reference_impl.server import AdvancedMCPServer, Context

pytestmark = pytest.mark.anyio
ROOTS = [{"uri": "file:///home"}]


@pytest.fixture
def server():
    server = AdvancedMCPServer("s")

    @server.tool()
    async def roots(context: Context) -> str:
        return ",".join(root["uri"] for root in await context.roots())

    return server


async def call(client, number, roots=None):
    """Call the tool; with `roots`, the server has to ask for them, else it must not."""
    await client.send({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": {"name": "roots"}})
    message = await client.receive()
    if roots is not None:
        assert message["method"] == "roots/list"
        await client.send({"jsonrpc": "2.0", "id": message["id"], "result": {"roots": roots}})
        message = await client.receive()
    return message["result"]["content"][0]["text"]


async def test_roots_are_asked_for_once_until_they_change(over_lines, server):
    async with over_lines(server) as client:
        await client.initialize(capabilities={"roots": {"listChanged": True}})
        assert await call(client, 1, ROOTS) == "file:///home"
        assert await call(client, 2) == "file:///home"
        await client.notify("notifications/roots/list_changed")
        assert await call(client, 3, []) == ""
        assert await call(client, 4) == ""


async def test_a_client_that_would_not_tell_is_asked_each_time(over_lines, server):
    async with over_lines(server) as client:
        await client.initialize(capabilities={"roots": {}})
        assert await call(client, 1, ROOTS) == "file:///home"
        assert await call(client, 2, []) == ""


async def test_an_answer_that_a_change_overtook_is_not_remembered(over_lines, server):
    async with over_lines(server) as client:
        await client.initialize(capabilities={"roots": {"listChanged": True}})
        await client.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "roots"}})
        question = await client.receive()
        await client.notify("notifications/roots/list_changed")
        await client.send({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": ROOTS}})
        await client.receive()
        assert await call(client, 2, []) == ""
