"""How long, for whom and for what a result is kept."""

import pytest

from reference_impl.client.cache import ResultCache
from reference_impl.protocol.messages import Notification


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def kept(ttl=1000, scope="public", **members):
    return {"ttlMs": ttl, "cacheScope": scope, **members}


def test_a_result_is_fresh_for_its_time_to_live_and_no_longer():
    clock = Clock()
    cache = ResultCache(clock)
    cache.keep("tools/list", None, kept(1500))
    clock.now = 1.499
    assert cache.find("tools/list", None) == kept(1500)
    clock.now = 1.5
    assert cache.find("tools/list", None) is None


@pytest.mark.parametrize("ttl", [0, -1, None, "1000", True])
def test_zero_negative_and_senseless_times_to_live_keep_nothing(ttl):
    cache = ResultCache()
    cache.keep("tools/list", None, {"ttlMs": ttl, "cacheScope": "public"})
    assert cache.find("tools/list", None) is None


def test_only_the_identical_request_is_served():
    cache = ResultCache()
    cache.keep("resources/read", {"uri": "a", "_meta": {"progressToken": 1}}, kept())
    assert cache.find("resources/read", {"uri": "a"}) is not None
    assert cache.find("resources/read", {"uri": "b"}) is None
    assert cache.find("resources/list", {"uri": "a"}) is None


def test_a_private_result_stays_in_its_authorization_context():
    cache = ResultCache()
    cache.keep("tools/list", None, kept(scope="private", who="alice"), "alice")
    assert cache.find("tools/list", None, "alice") == kept(scope="private", who="alice")
    assert cache.find("tools/list", None, "bob") is None
    assert cache.find("tools/list", None) is None


def test_a_public_result_serves_everybody():
    cache = ResultCache()
    cache.keep("tools/list", None, kept(), "alice")
    assert cache.find("tools/list", None, "bob") is not None


def test_a_result_without_a_scope_is_private():
    cache = ResultCache()
    cache.keep("tools/list", None, {"ttlMs": 1000}, "alice")
    assert cache.find("tools/list", None, "bob") is None


def test_what_a_caller_does_to_a_result_does_not_reach_the_cache():
    cache = ResultCache()
    cache.keep("tools/list", None, kept(tools=[]))
    found = cache.find("tools/list", None)
    found["tools"].append("mine")
    assert cache.find("tools/list", None)["tools"] == []


@pytest.mark.parametrize(
    ("notification", "dropped"),
    [
        (Notification("notifications/tools/list_changed"), {"tools/list"}),
        (Notification("notifications/prompts/list_changed"), {"prompts/list"}),
        (Notification("notifications/resources/list_changed"), {"resources/list", "resources/templates/list"}),
        (Notification("notifications/resources/updated", {"uri": "a"}), {"resources/read"}),
        (Notification("notifications/resources/updated", {"uri": "b"}), set()),
        (Notification("notifications/message", {}), set()),
    ],
)
def test_a_notification_drops_what_it_concerns_and_nothing_else(notification, dropped):
    cache = ResultCache()
    methods = ("tools/list", "prompts/list", "resources/list", "resources/templates/list")
    for method in methods:
        cache.keep(method, None, kept())
    cache.keep("resources/read", {"uri": "a"}, kept())
    cache.notified(notification)
    gone = {method for method in methods if cache.find(method, None) is None}
    if cache.find("resources/read", {"uri": "a"}) is None:
        gone.add("resources/read")
    assert gone == dropped


def test_the_cache_is_bounded_and_forgets_what_was_used_longest_ago():
    cache = ResultCache()
    for number in range(512):
        cache.keep("resources/read", {"uri": str(number)}, kept())
    cache.find("resources/read", {"uri": "0"})
    cache.keep("resources/read", {"uri": "new"}, kept())
    assert cache.find("resources/read", {"uri": "0"}) is not None
    assert cache.find("resources/read", {"uri": "1"}) is None


@pytest.mark.anyio
async def test_what_was_kept_under_one_token_is_not_shown_under_the_next(talk):
    class Tokens:
        generation = 1

    async def script(peer):
        await peer.open_modern()
        for scope in ("private", "private", "public"):
            asked = await peer.expect("tools/list")
            await peer.complete(asked, ttlMs=60_000, cacheScope=scope, tools=[])

    tokens = Tokens()
    async with talk(script, authorizer=tokens) as client:
        await client.list_tools()
        await client.list_tools()
        tokens.generation = 2
        await client.list_tools()
        tokens.generation = 3
        await client.list_tools()
        tokens.generation = 4
        await client.list_tools()  # what is public may be shown to all
