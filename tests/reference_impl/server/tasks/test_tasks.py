"""Tasks from the first answer to the last, in both eras where they agree."""

import anyio
import pytest

from reference_impl.protocol.tasks import TERMINAL

pytestmark = pytest.mark.anyio

OLD, NEW = "2025-11-25", "2026-07-28"


async def test_a_task_works_until_its_request_is_done(either, stage):
    async with either(stage) as client:
        task = await client.begin("wait", {"result": "at last"})
        assert task["status"] == "working"
        assert (await client.get(task))["status"] == "working"
        stage.gate.set()
        state = await client.until(task, "completed")
        assert state["createdAt"] == task["createdAt"]
        if client.revision == NEW:
            assert state["result"]["content"] == [{"type": "text", "text": "at last"}]
        else:
            result = await client.call("tasks/result", {"taskId": task["taskId"]})
            assert result["content"] == [{"type": "text", "text": "at last"}]


async def test_ids_are_long_and_no_two_alike(either, stage):
    async with either(stage) as client:
        ids = {(await client.begin("wait"))["taskId"] for _ in range(20)}
        assert len(ids) == 20
        assert min(map(len, ids)) >= 32


@pytest.mark.parametrize("task_id", ["never", "", None, 7, ["x"]])
@pytest.mark.parametrize("method", ["tasks/get", "tasks/cancel"])
async def test_an_id_that_names_no_task_is_invalid(either, stage, method, task_id):
    async with either(stage) as client:
        assert (await client.call(method, {"taskId": task_id}))["code"] == -32602
        assert (await client.call(method, {}))["code"] == -32602


async def test_cancelling_ends_the_handler_for_good(either, stage):
    async with either(stage) as client:
        task = await client.begin("wait", {"result": "stopped"})
        await client.get(task)
        assert stage.ended == []
        await client.call("tasks/cancel", {"taskId": task["taskId"]})
        assert (await client.get(task))["status"] == "cancelled"
        assert stage.ended == ["stopped"]
        stage.gate.set()
        assert (await client.get(task))["status"] == "cancelled"
        assert len(stage.server.tasks) == 0


async def test_a_task_cancelled_before_its_handler_began_never_begins(either, stage):
    async with either(stage) as client:
        task = await client.begin("wait")
        await client.call("tasks/cancel", {"taskId": task["taskId"]})
        assert (await client.get(task))["status"] == "cancelled"


async def test_what_the_handler_says_is_the_message_of_the_task(either, stage):
    async with either(stage) as client:
        task = await client.begin("wait")
        for _ in range(100):
            state = await client.get(task)
            if state["statusMessage"] == "half way":
                break
        assert state["statusMessage"] == "half way"
        assert state["status"] == "working"


async def test_a_request_that_comes_to_an_error_fails_its_task(either, stage):
    async with either(stage) as client:
        task = await client.begin("break_down", {"data": 3})
        state = await client.until(task, "failed")
        assert state["statusMessage"] == "broken"
        expected = {"code": -32603, "message": "broken", "data": {"at": 3}}
        if client.revision == NEW:
            assert state["error"] == expected
            assert "result" not in state
        else:
            assert await client.call("tasks/result", {"taskId": task["taskId"]}) == expected


async def test_a_task_is_forgotten_when_its_time_is_over(either, stage_of):
    stage = stage_of(ttl_ms=60_000)
    async with either(stage) as client:
        ended, endless = await client.begin("large", {"size": 1}), await client.begin("wait")
        await client.until(ended, "completed")
        stage.clock.now += 59.9
        assert "status" in await client.get(ended)
        stage.clock.now += 0.2
        for task in (ended, endless):
            assert (await client.get(task))["code"] == -32602
        await client.call("tools/list")  # the handler gets its turn to end
        assert stage.ended == ["done"]
        assert (len(stage.server.tasks), len(stage.server.tasks.store)) == (0, 0)


async def test_a_result_that_is_too_large_fails_the_task(either, stage_of):
    async with either(stage_of(largest_result=1000)) as client:
        await client.until(await client.begin("large", {"size": 800}), "completed")
        state = await client.until(await client.begin("large", {"size": 1000}), "failed")
        assert "too many" in state["statusMessage"]


async def test_all_tasks_end_with_the_server(either, stage):
    async with either(stage) as client:
        task = await client.begin("wait")
        await client.get(task)
    assert stage.ended == ["done"]
    assert len(stage.server.tasks) == 0
    record = await stage.server.tasks.store.find(task["taskId"])
    assert record is None or record.task.status in TERMINAL


async def test_bad_arguments_are_told_as_without_tasks(either, stage):
    async with either(stage) as client:
        params = {"name": "large", "arguments": {"size": "much"}}
        if client.revision == NEW:
            assert (await client.call("tools/call", params))["isError"] is True
        else:
            task = await client.begin("large", {"size": "much"})
            await client.until(task, "failed")
            assert (await client.call("tasks/result", {"taskId": task["taskId"]}))["isError"] is True


async def test_a_tool_that_is_no_task_is_called_as_ever(either, stage):
    async with either(stage) as client:
        result = await client.call("tools/call", {"name": "plain", "arguments": {}})
        assert result["content"] == [{"type": "text", "text": "plain"}]


async def test_each_key_of_a_task_is_used_once(either, stage):
    """In the legacy era each question is a request of its own, and the same holds for its id."""
    async with either(stage) as client:
        task = await client.begin("ask", {"times": 2})
        if client.revision == NEW:
            seen = []
            for name in ("Ada", "Bob"):
                (key,) = (await client.until(task, "input_required"))["inputRequests"]
                seen.append(key)
                responses = {key: {"action": "accept", "content": {"name": name}}}
                await client.call("tasks/update", {"taskId": task["taskId"], "inputResponses": responses})
            assert len(set(seen)) == 2
            assert (await client.until(task, "completed"))["result"]["content"][0]["text"] == "Ada Bob"
            return
        await client.until(task, "input_required")
        line = client.client
        await client.send_only("r", "tasks/result", {"taskId": task["taskId"]})
        ids = []
        with anyio.fail_after(5):
            for name in ("Ada", "Bob"):
                while "id" not in (question := await line.receive()):
                    pass
                assert question["method"] == "elicitation/create"
                ids.append(question["id"])
                answer = {"action": "accept", "content": {"name": name}}
                await line.send({"jsonrpc": "2.0", "id": question["id"], "result": answer})
            result = (await line.answer("r"))["result"]
        assert len(set(ids)) == 2
        assert result["content"][0]["text"] == "Ada Bob"


async def test_a_result_that_no_json_can_hold_fails_the_task(either, stage):
    @stage.server.tool(taskSupport="optional")
    async def surrogate():
        """Return half a character."""
        return "\ud800"

    async with either(stage) as client:
        state = await client.until(await client.begin("surrogate"), "failed")
        assert state["statusMessage"] == "Internal error"
