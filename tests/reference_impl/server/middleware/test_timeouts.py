"""Handlers that take too long. Deadlines of a hundredth of a second on handlers that would never end: nothing here
depends on how fast the machine is."""

import asyncio
import threading
from contextlib import ExitStack

import pytest

from reference_impl.protocol.methods import TASKS
from reference_impl.server import Context, TimeoutMiddleware
from reference_impl.server.deadline import _RUNNING, deadline, paused
from reference_impl.server.threads import stopping

pytestmark = pytest.mark.anyio
SOON = 0.01
FORM = {"type": "object", "properties": {}}


@pytest.fixture
def seen():
    return []


@pytest.fixture
def over():
    return threading.Event()


@pytest.fixture
def server(empty_server, seen, over):
    @empty_server.tool("forever")
    async def forever() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        return ""

    @empty_server.tool("thread")
    def thread() -> str:
        pause = threading.Event()
        while not stopping():
            pause.wait(0.001)
        seen.append("stopped")
        over.set()
        return ""

    @empty_server.tool("own")
    async def own() -> str:
        raise TimeoutError

    @empty_server.tool("quick")
    async def quick() -> str:
        return "done"

    @empty_server.resource("test://forever")
    async def resource() -> str:
        await asyncio.Event().wait()
        return ""

    return empty_server


async def text(client, name):
    return (await client.modern("tools/call", {"name": name}))["result"]["content"][0]["text"]


async def test_a_handler_that_takes_too_long_is_cancelled_and_the_client_told(over_lines, server, seen):
    server.add_middleware(TimeoutMiddleware(SOON))
    async with over_lines(server) as client:
        assert await text(client, "forever") == "It took longer than 0.01 s and was stopped"
        error = (await client.modern("resources/read", {"uri": "test://forever"}))["error"]
        assert error["message"] == "It took longer than 0.01 s and was stopped"
        assert await text(client, "quick") == "done"
    assert seen == ["cancelled"]


async def test_half_an_answer_of_one_that_was_stopped_is_none(over_lines, server):
    @server.tool("stubborn")
    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "half"

    server.add_middleware(TimeoutMiddleware(SOON))
    async with over_lines(server) as client:
        assert await text(client, "stubborn") == "It took longer than 0.01 s and was stopped"


async def test_a_thread_learns_that_nobody_waits_for_it(over_lines, server, seen, over):
    server.add_middleware(TimeoutMiddleware(SOON))
    async with over_lines(server) as client:
        assert "was stopped" in await text(client, "thread")
    assert await asyncio.to_thread(over.wait, 10)
    assert seen == ["stopped"]


async def test_a_timeout_of_the_handlers_own_is_told_as_such(over_lines, server):
    server.add_middleware(TimeoutMiddleware(60))
    async with over_lines(server) as client:
        assert await text(client, "own") == "The operation took too long"


async def test_tools_may_have_times_of_their_own_or_none(over_lines, server):
    server.add_middleware(TimeoutMiddleware(None, tools={"forever": SOON}))
    async with over_lines(server) as client:
        assert "was stopped" in await text(client, "forever")
        assert await text(client, "quick") == "done"


async def test_the_time_that_a_user_takes_to_answer_does_not_count(over_lines, server, seen):
    @server.tool("ask")
    async def ask(context: Context) -> str:
        seen.append(_RUNNING.get().timeout)
        await context.elicit("?", FORM)
        return "rests" if seen[0].when() is None else "runs"

    server.add_middleware(TimeoutMiddleware(60))
    async with over_lines(server) as client:
        await client.initialize(capabilities={"elicitation": {}})
        await client.send({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": {"name": "ask"}})
        question = await client.receive()
        assert seen[0].when() is None
        await client.send({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {}}})
        answer = await client.answer("a")
    assert answer["result"]["content"][0]["text"] == "runs"


async def test_a_task_has_a_lifetime_of_its_own(over_lines, server):
    @server.tool("long", taskSupport="optional")
    async def long() -> str:
        return "unbounded" if _RUNNING.get() is None else "bounded"

    server.add_middleware(TimeoutMiddleware(60))
    async with over_lines(server) as client:
        await client.initialize()
        task = (await client.ask("tools/call", {"name": "long", "task": {}}))["result"]["task"]["taskId"]
        result = (await client.ask("tasks/result", {"taskId": task}))["result"]
        assert result["content"][0]["text"] == "unbounded"
        assert (await client.ask("tools/call", {"name": "long"}))["result"]["content"][0]["text"] == "bounded"


@pytest.mark.parametrize(("tools", "left"), [({}, "lifted"), ({"long": 60}, "bounded")])
async def test_a_handler_that_makes_a_task_of_itself_is_no_longer_bounded(over_lines, server, tools, left):
    @server.tool("long", taskSupport="optional", begins="handler")
    async def long(context: Context) -> str:
        assert _RUNNING.get().timeout.when() is not None
        await context.begin_task()
        return "lifted" if _RUNNING.get().timeout.when() is None else "bounded"

    server.add_middleware(TimeoutMiddleware(60, tools=tools))
    capabilities = {"extensions": {TASKS: {}}}
    async with over_lines(server) as client:
        made = (await client.modern("tools/call", {"name": "long"}, capabilities=capabilities))["result"]
        task = made["taskId"]
        for _ in range(100):
            found = (await client.modern("tasks/get", {"taskId": task}, capabilities=capabilities))["result"]
            if found["status"] != "working":
                break
    assert found["result"]["content"][0]["text"] == left


async def test_what_is_left_after_a_pause_is_what_was_left_before():
    async with deadline(1000) as bound:
        before = bound.when()
        with paused():
            assert bound.when() is None
            with paused():  # somebody else asks as well
                pass
            assert bound.when() is None
        with ExitStack() as first, ExitStack() as second:
            first.enter_context(paused())
            second.enter_context(paused())
            first.close()
            assert bound.when() is None  # the second question is still open
        assert abs(bound.when() - before) < 100
    with paused():  # nothing to pause
        pass


@pytest.mark.parametrize("seconds", [0, -1])
def test_no_time_at_all_is_refused(seconds):
    with pytest.raises(ValueError, match="more than 0 seconds"):
        TimeoutMiddleware(seconds)
