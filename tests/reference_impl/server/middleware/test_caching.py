"""Answers that are kept."""

import asyncio

import pytest

from reference_impl.server import CachingMiddleware, Context, ToolResult
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.auth import BearerTokens

pytestmark = pytest.mark.anyio
READ = {"readOnlyHint": True}


class Now:
    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


@pytest.fixture
def now():
    return Now()


@pytest.fixture
def calls():
    return []


@pytest.fixture
def server(empty_server, calls, now):
    @empty_server.tool("read", annotations=READ)
    async def read(n: int = 0) -> str:
        calls.append(("read", n))
        return str(len(calls))

    @empty_server.tool("write")
    async def write() -> str:
        calls.append("write")
        return str(len(calls))

    @empty_server.tool("wrong", annotations=READ)
    async def wrong() -> ToolResult:
        calls.append("wrong")
        return ToolResult(is_error=True)

    @empty_server.tool("large", annotations=READ)
    async def large() -> str:
        calls.append("large")
        return "x" * 2000

    @empty_server.tool("ask", annotations=READ)
    async def ask(context: Context) -> str:
        calls.append("ask")
        return str(await context.elicit("?", {"type": "object", "properties": {}}))

    @empty_server.resource("test://{name}")
    async def resource(name: str) -> str:
        calls.append(name)
        return str(len(calls))

    empty_server.add_middleware(CachingMiddleware(60, most_bytes=10_000, clock=now))
    return empty_server


async def call(client, name, **arguments):
    answer = await client.modern("tools/call", {"name": name, "arguments": arguments})
    return (answer["result"]["content"] or [{}])[0].get("text")


async def read(client, uri):
    return (await client.modern("resources/read", {"uri": uri}))["result"]["contents"][0]["text"]


async def test_what_only_reads_is_answered_from_memory_until_its_time_is_over(over_lines, server, now):
    async with over_lines(server) as client:
        assert [await call(client, "read", n=1), await call(client, "read", n=1)] == ["1", "1"]
        assert await call(client, "read", n=2) == "2"
        assert [await read(client, "test://a"), await read(client, "test://a")] == ["3", "3"]
        now.time = 60.0
        assert await call(client, "read", n=1) == "4"


async def test_what_writes_or_fails_or_is_too_large_is_done_each_time(over_lines, server, calls):
    async with over_lines(server) as client:
        for name in ("write", "wrong", "large"):
            await call(client, name)
            await call(client, name)
    assert calls == ["write", "write", "wrong", "wrong", "large", "large"]


async def test_an_update_drops_what_was_read_there_and_what_tools_said(over_lines, server):
    async with over_lines(server) as client:
        before = [await read(client, "test://a"), await read(client, "test://b"), await call(client, "read")]
        server.resource_updated("test://a")
        after = [await read(client, "test://a"), await read(client, "test://b"), await call(client, "read")]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, True, False]


async def test_a_change_of_what_is_offered_drops_everything(over_lines, server, calls):
    async with over_lines(server) as client:
        await read(client, "test://a")
        server.remove("tools", "write")
        await read(client, "test://a")
    assert calls == ["a", "a"]


async def test_what_was_read_while_it_changed_is_not_kept(over_lines, server, calls):
    begun, go = asyncio.Event(), asyncio.Event()

    @server.tool("late", annotations=READ)
    async def late() -> str:
        calls.append("late")
        begun.set()
        await go.wait()
        return "old"

    async with over_lines(server) as client:
        first = asyncio.ensure_future(call(client, "late"))
        await begun.wait()
        server.resource_updated("test://a")
        go.set()
        await first
        await call(client, "late")
    assert calls == ["late", "late"]


async def test_what_a_cancelled_handler_returns_is_not_kept(over_lines, server, calls):
    started = asyncio.Event()

    @server.tool("stubborn", annotations=READ)
    async def stubborn() -> str:
        calls.append("stubborn")
        if len(calls) > 1:
            return "whole"
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "half"

    async with over_lines(server) as client:
        await client.initialize()
        await client.send({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "stubborn"}})
        await started.wait()
        await client.notify("notifications/cancelled", {"requestId": "a"})
        await client.ask("ping")
        answer = await client.ask("tools/call", {"name": "stubborn"})
    assert answer["result"]["content"][0]["text"] == "whole"


async def test_what_depends_on_a_users_answer_is_that_users_alone(over_lines, server, calls):
    async with over_lines(server) as client:
        await client.initialize(capabilities={"elicitation": {}})
        for _ in range(2):
            await client.send({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "ask"}})
            question = await client.receive()
            await client.send({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}})
            await client.answer("a")
    assert calls == ["ask", "ask"]


async def test_what_roots_of_a_session_decide_is_for_that_session_even_when_they_are_known_already(over_lines, server):
    @server.tool("roots", annotations=READ)
    async def roots(context: Context) -> str:
        return (await context.roots())[0]["uri"]

    async def told(uri):
        async with over_lines(server) as client:
            await client.initialize(capabilities={"roots": {"listChanged": True}})
            await client.send({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "roots"}})
            question = await client.receive()
            assert question["method"] == "roots/list"
            await client.send({"jsonrpc": "2.0", "id": question["id"], "result": {"roots": [{"uri": uri}]}})
            first = await client.answer("a")
            again = await client.ask("tools/call", {"name": "roots"})  # nobody is asked a second time
            return [answer["result"]["content"][0]["text"] for answer in (first, again)]

    assert await told("file:///ann") == ["file:///ann"] * 2
    assert await told("file:///bob") == ["file:///bob"] * 2


async def test_clients_that_can_do_something_else_get_answers_of_their_own(over_lines, server):
    @server.tool("able", annotations=READ)
    async def able(context: Context) -> str:
        return ",".join(context.capabilities)

    for capability in ("sampling", "roots"):
        async with over_lines(server) as client:
            await client.initialize(capabilities={capability: {}})
            answer = await client.ask("tools/call", {"name": "able"})
        assert answer["result"]["content"][0]["text"] == capability


async def test_nobody_gets_anothers_answer(web_of, server, calls):
    tokens = BearerTokens({"token-of-ann": "ann", "token-of-bob": "bob"})
    web = web_of(MCPApplication(server, authenticate=tokens))
    for token in ("token-of-ann", "token-of-bob", "token-of-ann"):
        headers = {"authorization": f"Bearer {token}"}
        assert (await web.modern("tools/call", {"name": "read"}, headers)).status == 200
    await web.close()
    assert len(calls) == 2


async def test_memory_is_bounded(over_lines, server):
    cache = server.middleware[0]
    async with over_lines(server) as client:
        for number in range(300):
            await call(client, "read", n=number)
    assert 0 < cache._size <= 10_000
    assert cache._size == sum(kept.size for kept in cache._kept.values())
