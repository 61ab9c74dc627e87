"""Middleware around handlers."""

import logging

import pytest

from reference_impl.server import AuthenticationMiddleware, LoggingMiddleware, RateLimitingMiddleware, ToolError

pytestmark = pytest.mark.anyio
CALL = {"name": "t", "arguments": {}}


@pytest.fixture
def server(empty_server):
    @empty_server.tool("t")
    async def tool() -> str:
        return "done"

    @empty_server.resource("test://r")
    async def resource() -> str:
        return "text"

    return empty_server


async def text_of(client):
    return (await client.modern("tools/call", CALL))["result"]["content"][0]["text"]


async def test_middleware_stands_around_every_handler_the_first_outermost(over_lines, server):
    seen = []

    class Noting:
        def __init__(self, name):
            self.name = name

        def wrap(self, handler):
            async def noted(invocation):
                seen.append((self.name, invocation.kind, invocation.name))
                return await handler(invocation)

            return noted

    server.add_middleware(Noting("outer"))
    server.add_middleware(Noting("inner"))
    async with over_lines(server) as client:
        await text_of(client)
        await client.modern("resources/read", {"uri": "test://r"})
    assert seen == [
        ("outer", "tool", "t"),
        ("inner", "tool", "t"),
        ("outer", "resource", "test://r"),
        ("inner", "resource", "test://r"),
    ]


async def test_calls_are_logged_without_their_arguments(over_lines, server, caplog):
    server.add_middleware(LoggingMiddleware())
    with caplog.at_level(logging.INFO, "reference_impl.server.calls"):
        async with over_lines(server) as client:
            await text_of(client)
    assert caplog.messages[0].startswith("tool t done in ")


async def test_what_comes_too_fast_is_refused_and_later_let_in(over_lines, server):
    now = [0.0]
    server.add_middleware(RateLimitingMiddleware(rate=1, burst=2, clock=lambda: now[0]))
    async with over_lines(server) as client:
        told = [await text_of(client) for _ in range(3)]
        assert told[:2] == ["done", "done"]
        assert told[2] == "Rate limit exceeded: try again in 1.0 s"
        error = (await client.modern("resources/read", {"uri": "test://r"}))["error"]
        assert (error["code"], error["message"][:10]) == (-32603, "Rate limit")
        now[0] = 1.0
        assert await text_of(client) == "done"


async def test_what_is_not_allowed_is_refused_without_saying_more(over_lines, server):
    server.add_middleware(AuthenticationMiddleware(lambda *about: about == (None, "tool", "t")))
    async with over_lines(server) as client:
        assert await text_of(client) == "done"
        error = (await client.modern("resources/read", {"uri": "test://r"}))["error"]
        assert error == {"code": -32603, "message": "Permission denied for this operation"}


async def test_middleware_may_refuse_and_may_change_what_comes_back(over_lines, server):
    class Shouting:
        def wrap(self, handler):
            async def shouted(invocation):
                value = await handler(invocation)
                if invocation.kind == "resource":
                    raise ToolError("no")
                return value.upper()

            return shouted

    server.add_middleware(Shouting())
    async with over_lines(server) as client:
        assert await text_of(client) == "DONE"
        assert (await client.modern("resources/read", {"uri": "test://r"}))["error"]["message"] == "no"
