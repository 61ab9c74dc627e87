"""Changes on request, in both eras."""

import pytest

from reference_impl.client import (
    ConnectionClosed,
    Filter,
    NotOffered,
    RequestFailed,
    RequestTimeout,
    Subscription,
    subscriptions,
)
from reference_impl.protocol.messages import Notification

pytestmark = pytest.mark.anyio

SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId"
URI = "file:///a"


async def tell(peer, identifier, method, **params):
    await peer.send({"method": method, "params": {"_meta": {SUBSCRIPTION_ID: identifier}, **params}})


async def acknowledge(peer, request):
    await tell(
        peer,
        request["id"],
        "notifications/subscriptions/acknowledged",
        notifications=request["params"]["notifications"],
    )


async def test_a_subscription_yields_the_changes_it_asked_for(talk):
    async def server(peer):
        await peer.open_modern()
        request = await peer.expect("subscriptions/listen")
        assert request["params"]["notifications"] == {"toolsListChanged": True, "resourceSubscriptions": [URI]}
        await acknowledge(peer, request)
        await tell(peer, request["id"], "notifications/tools/list_changed")
        await tell(peer, request["id"], "notifications/resources/updated", uri=URI)
        assert (await peer.expect("notifications/cancelled"))["params"]["requestId"] == request["id"]

    async with talk(server) as client, client.listen(Filter(tools=True, uris=(URI,))) as changes:
        assert changes.accepted == {"toolsListChanged": True, "resourceSubscriptions": [URI]}
        assert (await anext(changes)).method == "notifications/tools/list_changed"
        assert (await anext(changes)).params["uri"] == URI


async def test_two_subscriptions_are_told_apart_by_their_ids(talk):
    async def server(peer):
        await peer.open_modern()
        first = await peer.expect("subscriptions/listen")
        await acknowledge(peer, first)
        second = await peer.expect("subscriptions/listen")
        await acknowledge(peer, second)
        await tell(peer, second["id"], "notifications/prompts/list_changed")
        await tell(peer, str(second["id"]), "notifications/tools/list_changed")
        await tell(peer, first["id"], "notifications/tools/list_changed")
        await peer.expect("notifications/cancelled")
        await peer.expect("notifications/cancelled")

    async with (
        talk(server) as client,
        client.listen(Filter(tools=True)) as tools,
        client.listen(Filter(prompts=True)) as prompts,
    ):
        assert (await anext(tools)).method == "notifications/tools/list_changed"
        assert (await anext(prompts)).method == "notifications/prompts/list_changed"


async def test_the_servers_result_ends_the_iteration(talk):
    async def server(peer):
        await peer.open_modern()
        request = await peer.expect("subscriptions/listen")
        await acknowledge(peer, request)
        await tell(peer, request["id"], "notifications/tools/list_changed")
        await peer.complete(request, _meta={SUBSCRIPTION_ID: request["id"]})

    async with talk(server) as client, client.listen(Filter(tools=True)) as changes:
        assert [change.method async for change in changes] == ["notifications/tools/list_changed"]


async def test_the_servers_cancellation_ends_the_iteration_too(talk):
    async def server(peer):
        await peer.open_modern()
        request = await peer.expect("subscriptions/listen")
        await acknowledge(peer, request)
        await peer.send({"method": "notifications/cancelled", "params": {"requestId": request["id"]}})
        await peer.expect("notifications/cancelled")

    async with talk(server) as client, client.listen(Filter(tools=True)) as changes:
        assert [change async for change in changes] == []


async def test_the_end_of_the_connection_is_raised_out_of_the_iteration(talk):
    async def server(peer):
        await peer.open_modern()
        await acknowledge(peer, await peer.expect("subscriptions/listen"))
        await peer.channel.aclose()

    async with talk(server) as client, client.listen(Filter(tools=True)) as changes:
        with pytest.raises(ConnectionClosed):
            await anext(changes)


async def test_changes_that_come_again_before_they_are_taken_count_once(talk):
    async def server(peer):
        await peer.open_modern()
        request = await peer.expect("subscriptions/listen")
        await acknowledge(peer, request)
        for _ in range(100):
            await tell(peer, request["id"], "notifications/resources/updated", uri=URI)
        await peer.complete(request)

    async with talk(server) as client, client.listen(Filter(uris=(URI,))) as changes:
        await anext(changes)
        assert len([change async for change in changes]) < 100


@pytest.mark.parametrize(("code", "message"), [(-32601, "no such method"), (-32602, "bad filter")])
async def test_a_refused_subscription_raises_on_entering(talk, code, message):
    async def server(peer):
        await peer.open_modern()
        await peer.refuse(await peer.expect("subscriptions/listen"), code, message)

    async with talk(server) as client:
        with pytest.raises(RequestFailed, match=message):
            async with client.listen(Filter(tools=True)):
                pass


async def test_a_subscription_that_is_never_acknowledged_times_out(talk):
    async def server(peer):
        await peer.open_modern()
        await peer.expect("subscriptions/listen")
        await peer.expect("notifications/cancelled")

    async with talk(server, timeout=0.02) as client:
        with pytest.raises(RequestTimeout, match="subscriptions/listen"):
            async with client.listen(Filter(tools=True)):
                pass


async def test_a_legacy_server_is_asked_for_each_resource(talk):
    async def server(peer):
        await peer.open_legacy()
        subscribe = await peer.expect("resources/subscribe")
        assert subscribe["params"] == {"uri": URI}
        await peer.answer(subscribe, {})
        await peer.send({"method": "notifications/resources/updated", "params": {"uri": "file:///other"}})
        await peer.send({"method": "notifications/prompts/list_changed"})
        await peer.send({"method": "notifications/resources/updated", "params": {"uri": URI}})
        await peer.answer(await peer.expect("resources/unsubscribe"), {})

    async with talk(server) as client, client.listen(Filter(tools=True, uris=(URI,))) as changes:
        assert (await anext(changes)).params["uri"] == URI


async def test_a_legacy_server_without_subscriptions_is_not_asked(talk):
    async def server(peer):
        await peer.open_legacy(capabilities={"resources": {}})

    async with talk(server) as client:
        with pytest.raises(NotOffered, match=r"resources\.subscribe"):
            async with client.listen(Filter(uris=(URI,))):
                pass


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("file:///a", True),
        ("file:///a/b", True),
        ("file:///a?part=1", True),
        ("file:///ab", False),
        ("file:///", False),
        (7, False),
    ],
)
def test_a_part_of_a_resource_counts_as_the_resource(uri, told):
    notification = Notification("notifications/resources/updated", {"uri": uri})
    assert Filter(uris=("file:///a",)).admits(notification) is told


async def test_a_reader_that_never_reads_bounds_what_is_kept(monkeypatch, caplog):
    monkeypatch.setattr(subscriptions, "_MOST_PENDING", 2)
    subscription = Subscription(Filter())
    for number in range(4):
        subscription.notify(Notification("notifications/resources/updated", {"uri": str(number)}))
    subscription.end()
    assert [change.params async for change in subscription] == [{"uri": "2"}, {"uri": "3"}]
    assert "nobody reads" in caplog.text
