"""The context around a server's life: entered once, left once, by one and the same task."""

from contextlib import asynccontextmanager

import anyio
import pytest

from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import MCPApplication

pytestmark = pytest.mark.anyio


class Pool:
    """A lifespan with a task group of its own, as pools of connections have."""

    def __init__(self):
        self.events = []

    @asynccontextmanager
    async def __call__(self):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.sleep_forever)
            self.events.append("entered")
            yield
            self.events.append("left")
            tasks.cancel_scope.cancel()


async def test_a_lifespan_may_hold_a_task_group_though_clients_come_and_go_in_any_order(over_lines):
    pool = Pool()
    server = AdvancedMCPServer("s", lifespan=pool)
    first, second = over_lines(server), over_lines(server)
    one, two = await first.__aenter__(), await second.__aenter__()
    await one.initialize()
    await two.initialize()
    await first.__aexit__(None, None, None)
    assert "result" in await two.ask("ping")
    assert pool.events == ["entered"]
    await second.__aexit__(None, None, None)
    assert pool.events == ["entered", "left"]


async def test_a_request_that_enters_it_first_may_end_before_it_is_left(web_of):
    pool = Pool()
    server = AdvancedMCPServer("s", lifespan=pool)
    application = MCPApplication(server)
    web = web_of(application)
    for _ in range(2):
        assert "result" in (await web.modern("server/discover")).json
    await web.close()
    await application._stack.aclose()
    assert pool.events == ["entered", "left"]


async def test_what_goes_wrong_on_the_way_in_or_out_is_told_to_who_is_on_it():
    @asynccontextmanager
    async def broken():
        yield
        raise ValueError("on the way out")

    def missing():
        raise ValueError("on the way in")

    with pytest.raises(ValueError, match="on the way out"):
        async with AdvancedMCPServer("s", lifespan=broken).running():
            pass
    with pytest.raises(ValueError, match="on the way in"):
        async with AdvancedMCPServer("s", lifespan=missing).running():
            pass


async def test_a_job_beside_runs_from_the_first_conversation_to_the_end_of_the_last():
    events = []

    async def job():
        events.append("begun")
        try:
            await anyio.Event().wait()
        finally:
            events.append("ended")

    server = AdvancedMCPServer("s")
    server.run_beside(job)
    async with server.running():
        async with server.running():
            await anyio.lowlevel.checkpoint()
        assert events == ["begun"]
    await anyio.lowlevel.checkpoint()
    assert events == ["begun", "ended"]
