"""Token buckets."""

import pytest

from reference_impl.server import Rate, RateLimitingMiddleware

pytestmark = pytest.mark.anyio


@pytest.fixture
def server(empty_server):
    for name in ("slow", "fast"):
        empty_server.tool(name)(lambda: "done")
    empty_server.resource("test://{name}")(lambda name: name)
    return empty_server


async def call(client, name):
    return (await client.modern("tools/call", {"name": name}))["result"]


async def test_a_tool_may_have_a_rate_of_its_own_and_a_refused_call_costs_nothing(over_lines, server):
    now = [0.0]
    limits = RateLimitingMiddleware(10, 3, lambda: now[0], tools={"slow": Rate(0.5, 1)})
    server.add_middleware(limits)
    async with over_lines(server) as client:
        assert not (await call(client, "slow")).get("isError")
        refused = await call(client, "slow")
        assert refused["content"][0]["text"] == "Rate limit exceeded: try again in 2.0 s"
        assert [(await call(client, "fast")).get("isError") for _ in range(3)] == [None, None, True]


async def test_a_refusal_says_in_seconds_when_to_try_again(over_lines, server):
    server.add_middleware(RateLimitingMiddleware(2, 1, lambda: 0.0))
    async with over_lines(server) as client:
        await call(client, "fast")
        assert (await call(client, "fast"))["_meta"]["touchstone/retryAfter"] == 0.5
        error = (await client.modern("resources/read", {"uri": "test://1"}))["error"]
        assert error == {
            "code": -32603,
            "message": "Rate limit exceeded: try again in 0.5 s",
            "data": {"retryAfter": 0.5},
        }


async def test_whoever_waits_as_long_as_was_told_is_let_in(over_lines, server):
    now = [0.0]
    server.add_middleware(RateLimitingMiddleware(3, 1, lambda: now[0]))  # a third of a second is no round number
    async with over_lines(server) as client:
        await call(client, "fast")
        for _ in range(50):
            refused = await call(client, "fast")
            assert refused["content"][0]["text"] == "Rate limit exceeded: try again in 0.4 s"
            now[0] += refused["_meta"]["touchstone/retryAfter"]
            assert "isError" not in await call(client, "fast")


async def test_resources_are_counted_by_template(over_lines, server):
    server.add_middleware(RateLimitingMiddleware(10, 10, lambda: 0.0, tools={"test://{name}": Rate(1, 2)}))
    async with over_lines(server) as client:
        answers = [await client.modern("resources/read", {"uri": f"test://{number}"}) for number in range(3)]
    assert ["error" in answer for answer in answers] == [False, False, True]


def test_principals_do_not_take_from_each_other_and_memory_is_bounded():
    limits = RateLimitingMiddleware(1, 1, lambda: 0.0)
    assert [limits._take(f"p{number}", "t") for number in range(20_000)] == [0] * 20_000
    assert limits._take("p19999", "t") == 1
    assert len(limits._buckets) == 10_000


def test_a_clock_that_is_put_back_takes_nothing_from_anybody():
    now = [1000.0]
    limits = RateLimitingMiddleware(1, 2, lambda: now[0])
    limits._take("ann", "t")
    now[0] = 0.0
    assert [limits._take("ann", "t") for _ in range(2)] == [0, 1]
    now[0] = 1.0
    assert limits._take("ann", "t") == 0


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0), (float("inf"), 1), (float("nan"), 1)])
def test_a_rate_that_is_none_is_refused(rate, burst):
    with pytest.raises(ValueError, match="a rate is more than 0"):
        RateLimitingMiddleware(rate, burst)
