"""What tasks may cost: how many, how long, and that nothing is left of them."""

import asyncio
import time

import pytest

from reference_impl.protocol.task_table import TaskTable
from reference_impl.server import MemoryTaskStore, TaskOptions

pytestmark = pytest.mark.anyio


async def test_no_session_has_more_tasks_than_its_share(old, stage_of):
    async with old(stage_of(most_of_one=2)) as client:
        made = [await client.begin("wait") for _ in range(2)]
        error = await client.call("tools/call", {"name": "wait", "task": {}})
        assert error["code"] == -32603
        assert "too many" in error["message"]
        assert {(await client.get(task))["status"] for task in made} == {"working"}


async def test_ended_tasks_count_until_they_expire(old, stage_of):
    stage = stage_of(most_of_one=1, ttl_ms=5000)
    async with old(stage) as client:
        task = await client.begin("wait")
        await client.call("tasks/cancel", {"taskId": task["taskId"]})
        assert (await client.call("tools/call", {"name": "wait", "task": {}}))["code"] == -32603
        stage.clock.now += 5
        assert (await client.begin("wait"))["status"] == "working"


async def test_a_modern_server_that_is_full_serves_without_tasks_what_it_can(new, stage_of):
    stage = stage_of(most=1)
    stage.gate.set()
    async with new(stage) as client:
        assert (await client.begin("wait"))["status"] == "working"
        result = await client.call("tools/call", {"name": "wait", "arguments": {}})
        assert (result["resultType"], result["content"][0]["text"]) == ("complete", "done")
        error = await client.call("tools/call", {"name": "fail", "arguments": {}})
        assert error["code"] == -32603
        answers = {"inputResponses": {"first": {"action": "accept", "content": {"name": "Ada"}}}}
        result = await client.call("tools/call", {"name": "late", "arguments": {}, **answers})
        assert result["content"][0]["text"] == "Ada"
        assert stage.ended[-1] is False


async def test_expired_tasks_go_without_anybody_asking(old, stage_of):
    stage = stage_of(ttl_ms=1000)  # long enough to be seen, on a busy machine too
    stage.server.tasks.clock = time.time
    stage.gate.set()
    async with old(stage) as client:
        await client.until(await client.begin("wait"), "completed")
        assert len(stage.server.tasks.store) == 1
        async with asyncio.timeout(5):
            while len(stage.server.tasks.store):
                await client.call("ping")
        assert stage.server.tasks._timer is None


async def test_the_end_of_a_server_leaves_no_timer_and_no_worker(either, stage):
    async with either(stage) as client:
        for _ in range(5):
            await client.begin("wait")
    assert stage.server.tasks._timer is None
    assert stage.server.tasks._chores == set()


async def test_a_handler_that_will_not_stop_holds_up_nobody(either, stage):
    @stage.server.tool(taskSupport="optional")
    async def stubborn():
        """Go on whatever happens."""
        try:
            await stage.gate.wait()
        except asyncio.CancelledError:
            await stage.gate.wait()
        return "did it all the same"

    async with either(stage) as client:
        task = await client.begin("stubborn")
        await client.get(task)
        await client.call("tasks/cancel", {"taskId": task["taskId"]})
        assert (await client.get(task))["status"] == "cancelled"
        stage.gate.set()
        await client.get(task)
        state = await client.get(task)
        assert state["status"] == "cancelled"
        assert "result" not in state


class Archive:
    """A store of another kind: it remembers what it was told, with a pause before each answer as a database has."""

    def __init__(self):
        self.table = TaskTable(10, 10)
        self.statuses = {}

    def __getattr__(self, name):
        async def asked(*arguments):
            await asyncio.sleep(0)
            if name in ("add", "put"):
                record = arguments[0]
                self.statuses.setdefault(record.task.id, []).append(record.task.status.value)
            if name == "expire":
                self.table.expire(*arguments)
                return self.table.next_expiry
            return getattr(self.table, name)(*arguments)

        return asked


async def test_a_store_of_ones_own_sees_every_status_and_the_last_one_last(either, stage_of):
    archive = Archive()
    async with either(stage_of(store=archive)) as client:
        task = await client.begin("ask")
        await client.until(task, "input_required")
        await client.call("tasks/cancel", {"taskId": task["taskId"]})
        await client.get(task)
    statuses = archive.statuses[task["taskId"]]
    assert statuses[0] == "working"
    assert "input_required" in statuses
    assert statuses[statuses.index("cancelled") :].count("cancelled") == len(statuses) - statuses.index("cancelled")


async def test_a_task_that_nobody_carries_out_any_more_can_be_seen_and_cancelled(new, stage_of):
    archive = Archive()
    first, second = stage_of(store=archive), stage_of(store=archive)
    async with new(first) as client:
        task = await client.begin("wait")
        async with new(second) as other:  # another process at the same store
            assert (await other.get(task))["status"] == "working"
            await other.call("tasks/cancel", {"taskId": task["taskId"]})
            assert (await other.get(task))["status"] == "cancelled"


async def test_bounds_are_those_of_the_options():
    store = MemoryTaskStore(most=3, most_of_one=1)
    assert len(store) == 0
    options = TaskOptions(ttl_ms=10, longest_ttl_ms=20)
    assert [options.granted(wished) for wished in (None, 0, 15, 99)] == [10, 10, 15, 20]


class Thoughtful(MemoryTaskStore):
    """A store that finds nothing before it may."""

    def __init__(self):
        super().__init__()
        self.asked, self.may = asyncio.Event(), asyncio.Event()

    async def find(self, task_id):
        self.asked.set()
        await self.may.wait()
        return await super().find(task_id)


async def test_a_change_while_a_subscription_is_looked_into_is_told(new, stage_of):
    store = Thoughtful()
    stage = stage_of(store=store)
    async with new(stage) as client:
        task = await client.begin("wait")
        wanted = {"notifications": {"taskIds": [task["taskId"], "one that only the store can know"]}}
        await client.send_only("news", "subscriptions/listen", wanted)
        await asyncio.wait_for(store.asked.wait(), 5)
        stage.gate.set()
        async with asyncio.timeout(5):
            while len(stage.server.tasks):
                await client.client.modern("server/discover")
        store.may.set()
        told = await client.receive()
        while told["method"] != "notifications/tasks":
            told = await client.receive()
        assert told["params"]["status"] == "completed"


async def test_a_store_that_takes_its_time_leaves_no_task_behind_as_carried_out(either, stage_of):
    stage = stage_of(store=Archive())
    stage.gate.set()
    async with either(stage) as client:
        task = await client.begin("wait")
        await client.until(task, "completed")
        async with asyncio.timeout(5):
            while len(stage.server.tasks):
                await client.client.fence() if client.revision == "2025-11-25" else await client.get(task)
        assert all(chore.done() and not chore.cancelled() for chore in stage.server.tasks._chores)


async def test_a_store_that_is_given_is_used_though_it_is_empty(stage_of):
    store = MemoryTaskStore(most=1)
    assert stage_of(store=store).server.tasks.store is store
