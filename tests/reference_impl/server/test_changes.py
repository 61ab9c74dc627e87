"""Who hears of changes: legacy sessions and modern listen streams."""

import threading

import pytest

from tests.reference_impl.machine.lines import LineClient
from tests.reference_impl.machine.world import World

ID = "io.modelcontextprotocol/subscriptionId"
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


async def listen(client, identifier, notifications):
    params = {"notifications": notifications, "_meta": META}
    await client.send({"jsonrpc": "2.0", "id": identifier, "method": "subscriptions/listen", "params": params})
    return await client.receive()


async def change(client, *names):
    for name in names:
        await client.modern("tools/call", {"name": name})


@pytest.mark.anyio
@pytest.mark.parametrize("identifier", ["s", 5])
async def test_a_listen_stream_begins_with_its_acknowledgement(over_lines, identifier):
    async with over_lines() as client:
        wanted = {"toolsListChanged": True, "resourceSubscriptions": ["test://watched-resource", "test://nobody"]}
        first = await listen(client, identifier, wanted)
        assert first["method"] == "notifications/subscriptions/acknowledged"
        assert first["params"]["_meta"] == {ID: identifier}
        accepted = {"toolsListChanged": True, "resourceSubscriptions": ["test://watched-resource"]}
        assert first["params"]["notifications"] == accepted


@pytest.mark.anyio
async def test_a_listen_stream_carries_what_was_asked_for_and_nothing_else(over_lines):
    async with over_lines() as client:
        await listen(client, "tools", {"toolsListChanged": True})
        await listen(client, "resource", {"resourceSubscriptions": ["test://watched-resource"]})
        await change(client, "toggle_extra_tool", "touch_resource", "test_trigger_prompt_change")
        heard = [(message["params"]["_meta"][ID], message["method"]) for message in client.seen]
        assert heard == [
            ("tools", "notifications/tools/list_changed"),
            ("resource", "notifications/resources/updated"),
        ]
        assert client.seen[1]["params"]["uri"] == "test://watched-resource"


@pytest.mark.anyio
async def test_a_cancelled_listen_stream_is_silent(over_lines):
    async with over_lines() as client:
        await listen(client, 1, {"toolsListChanged": True})
        await client.notify("notifications/cancelled", {"requestId": 1})
        await change(client, "toggle_extra_tool")
        await client.fence()
        assert client.seen == []


@pytest.mark.anyio
async def test_a_server_that_goes_away_ends_its_listen_streams(over_lines, empty_server):
    empty_server.tool("one")(lambda: "1")
    async with over_lines(empty_server) as client:
        await listen(client, 1, {"toolsListChanged": True})
        empty_server.hub.close()
        result = (await client.answer(1))["result"]
        assert result["resultType"] == "complete"
        assert result["_meta"][ID] == 1
        assert [message["method"] for message in client.seen] == ["notifications/cancelled"]


@pytest.mark.parametrize(
    "wanted", [None, [], {"toolsListChanged": 1}, {"resourceSubscriptions": "x"}, {"resourceSubscriptions": [1]}]
)
@pytest.mark.anyio
async def test_malformed_filters_are_refused(over_lines, wanted):
    async with over_lines() as client:
        answer = await client.modern("subscriptions/listen", {"notifications": wanted})
        assert answer["error"]["code"] == -32602


@pytest.mark.anyio
async def test_an_empty_filter_is_acknowledged_as_empty(over_lines):
    async with over_lines() as client:
        assert (await listen(client, 1, {}))["params"]["notifications"] == {}


@pytest.mark.anyio
async def test_legacy_sessions_hear_of_lists_and_of_resources_they_subscribed_to(over_lines):
    async with over_lines() as client:
        await client.initialize()
        uri = {"uri": "test://watched-resource"}
        await change(client, "touch_resource")
        assert (await client.ask("resources/subscribe", uri))["result"] == {}
        await change(client, "touch_resource", "toggle_extra_tool")
        assert (await client.ask("resources/unsubscribe", uri))["result"] == {}
        await change(client, "touch_resource")
        methods = [message["method"] for message in client.seen]
        assert methods == ["notifications/resources/updated", "notifications/tools/list_changed"]
        assert client.seen[0]["params"] == uri


@pytest.mark.anyio
async def test_subscribing_to_nothing_is_refused(over_lines):
    async with over_lines() as client:
        await client.initialize()
        assert (await client.ask("resources/subscribe", {"uri": "test://nobody"}))["error"]["code"] == -32002
        assert (await client.ask("resources/subscribe", {}))["error"]["code"] == -32602


@pytest.mark.anyio
async def test_sessions_hear_nothing_before_they_are_initialized(over_lines):
    async with over_lines() as client:
        await change(client, "toggle_extra_tool")
        assert client.seen == []


def test_a_list_that_keeps_changing_is_announced_at_once_and_once_more(empty_server):
    world = World()
    client = LineClient(world, empty_server)
    client.initialize("2025-11-25")
    world.settle()
    heard = client.ledger.heard
    for number in range(100):
        empty_server.tool(f"tool{number}")(lambda: "x")
    world.settle()
    assert client.ledger.heard == heard + 1
    world.let_pass(1)
    assert client.ledger.heard == heard + 2
    client.end()
    world.let_pass(5)
    world.close()


def test_changes_may_be_told_from_a_thread(empty_server):
    empty_server.resource("mem://x")(lambda: "x")
    world = World()
    client = LineClient(world, empty_server)
    client.initialize("2025-11-25")
    client.send(client.message(1, "resources/subscribe", {"uri": "mem://x"}))
    world.settle()
    heard = client.ledger.heard
    thread = threading.Thread(target=empty_server.resource_updated, args=("mem://x",))
    thread.start()
    thread.join()
    world.settle()
    world.settle()
    assert client.ledger.heard == heard + 1
    client.end()
    world.let_pass(5)
    world.close()
