"""The extension of 2026-07-28: the server decides, states carry what belongs to them, updates answer questions."""

import pytest

from reference_impl.protocol.lifecycle import SUBSCRIPTION_ID
from reference_impl.protocol.methods import TASKS

pytestmark = pytest.mark.anyio

REQUIRED = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
ADA = {"action": "accept", "content": {"name": "Ada"}}


async def test_the_extension_is_declared_and_the_old_capability_is_not(new, stage):
    async with new(stage) as client:
        capabilities = (await client.call("server/discover"))["capabilities"]
        assert capabilities["extensions"] == {TASKS: {}}
        assert "tasks" not in capabilities
        tools = (await client.call("tools/list"))["tools"]
        assert not any("execution" in tool for tool in tools)


async def test_a_server_without_such_tools_knows_nothing_of_tasks(over_lines, empty_server):
    async with over_lines(empty_server) as client:
        assert "extensions" not in (await client.modern("server/discover"))["result"]["capabilities"]
        answer = await client.modern("tasks/get", {"taskId": "x"}, {"extensions": {TASKS: {}}})
        assert answer["error"]["code"] == -32601


async def test_a_client_without_the_extension_gets_results_alone(new, stage):
    async with new(stage) as client:
        stage.gate.set()
        result = await client.call("tools/call", {"name": "wait", "arguments": {}}, {})
        assert (result["resultType"], result["content"][0]["text"]) == ("complete", "done")
        for tool in ("fail", "late"):
            error = await client.call("tools/call", {"name": tool, "arguments": {}}, {})
            assert (error["code"], error["data"]) == (-32021, REQUIRED)


@pytest.mark.parametrize("method", ["tasks/get", "tasks/update", "tasks/cancel"])
async def test_requests_about_tasks_need_the_extension(new, stage, method):
    async with new(stage) as client:
        task = await client.begin("wait")
        error = await client.call(method, {"taskId": task["taskId"], "inputResponses": {}}, {})
        assert (error["code"], error["data"]) == (-32021, REQUIRED)


@pytest.mark.parametrize("method", ["tasks/result", "tasks/list"])
async def test_what_only_the_older_design_has_is_unknown(new, stage, method):
    async with new(stage) as client:
        assert (await client.call(method, {"taskId": "x"}))["code"] == -32601


async def test_a_wish_in_the_older_way_changes_nothing(new, stage):
    async with new(stage) as client:
        result = await client.call("tools/call", {"name": "plain", "arguments": {}, "task": {"ttl": -7}})
        assert result["resultType"] == "complete"


async def test_a_failed_tool_completes_its_task(new, stage):
    async with new(stage) as client:
        state = await client.until(await client.begin("fail"), "completed")
        assert state["result"]["isError"] is True
        assert state["resultType"] == "complete"


async def test_acknowledgements_are_empty(new, stage):
    async with new(stage) as client:
        task = await client.begin("wait")
        for method in ("tasks/update", "tasks/cancel", "tasks/cancel"):
            result = await client.call(method, {"taskId": task["taskId"], "inputResponses": {"none": ADA}})
            assert result.keys() == {"resultType", "_meta"}
            assert result["resultType"] == "complete"


async def test_all_that_is_outstanding_is_shown_and_each_answer_counts(new, stage):
    async with new(stage) as client:
        task = await client.begin("ask_two")
        state = await client.until(task, "input_required")
        assert state["inputRequests"].keys() == {"a", "b"}
        assert (await client.get(task))["inputRequests"] == state["inputRequests"]
        await client.call("tasks/update", {"taskId": task["taskId"], "inputResponses": {"a": ADA, "never": ADA}})
        state = await client.get(task)
        assert (state["status"], state["inputRequests"].keys()) == ("input_required", {"b"})
        again = {"action": "accept", "content": {"name": "Eve"}}
        await client.call("tasks/update", {"taskId": task["taskId"], "inputResponses": {"a": again}})
        await client.call("tasks/update", {"taskId": task["taskId"], "inputResponses": {"b": ADA}})
        assert (await client.until(task, "completed"))["result"]["content"][0]["text"] == "Ada Ada"


@pytest.mark.parametrize("wrong", [{"action": "accept", "content": {}}, {"action": "shrug"}, 7])
async def test_an_answer_that_does_not_fit_is_refused_and_asked_for_still(new, stage, wrong):
    async with new(stage) as client:
        task = await client.begin("ask")
        (key,) = (await client.until(task, "input_required"))["inputRequests"]
        error = await client.call("tasks/update", {"taskId": task["taskId"], "inputResponses": {key: wrong}})
        assert error["code"] == -32602
        assert (await client.get(task))["inputRequests"].keys() == {key}


async def test_responses_must_be_an_object(new, stage):
    async with new(stage) as client:
        task = await client.begin("ask")
        for wrong in (None, [], "x"):
            params = {"taskId": task["taskId"], "inputResponses": wrong}
            assert (await client.call("tasks/update", params))["code"] == -32602


async def test_a_task_that_is_cancelled_asks_no_more(new, stage):
    async with new(stage) as client:
        task = await client.begin("ask")
        (key,) = (await client.until(task, "input_required"))["inputRequests"]
        await client.call("tasks/cancel", {"taskId": task["taskId"]})
        state = await client.get(task)
        assert state["status"] == "cancelled"
        assert "inputRequests" not in state
        await client.call("tasks/update", {"taskId": task["taskId"], "inputResponses": {key: ADA}})
        assert (await client.get(task))["status"] == "cancelled"


async def test_a_question_needs_the_capability_that_the_call_declared(new, stage):
    async with new(stage) as client:
        params = {"name": "ask", "arguments": {}}
        task = await client.call("tools/call", params, {"extensions": {TASKS: {}}})
        state = await client.until(task, "failed")
        assert state["error"]["code"] == -32021


async def test_neither_progress_nor_log_messages_come_from_a_task(new, stage):
    async with new(stage) as client:
        line = client.client
        meta = {"progressToken": "p", "io.modelcontextprotocol/logLevel": "debug"}
        capabilities = {"extensions": {TASKS: {}}}
        answer = await line.modern("tools/call", {"name": "wait", "arguments": {}}, capabilities, **meta)
        stage.gate.set()
        await client.until(answer["result"], "completed")
        assert line.seen == []


async def test_questions_before_the_task_are_asked_in_rounds_and_the_task_knows_the_answer(new, stage):
    async with new(stage) as client:
        params = {"name": "late", "arguments": {}}
        first = await client.call("tools/call", params)
        assert first["resultType"] == "input_required"
        assert "taskId" not in first
        answers = {"inputResponses": {"first": ADA}, "requestState": first["requestState"]}
        task = await client.call("tools/call", {**params, **answers})
        assert task["resultType"] == "task"
        assert task.keys().isdisjoint({"requestState", "inputRequests"})
        assert stage.ended == [True]
        assert (await client.until(task, "working"))["statusMessage"] == "begun"
        stage.gate.set()
        assert (await client.until(task, "completed"))["result"]["content"][0]["text"] == "Ada"


async def test_a_handler_may_end_before_it_becomes_a_task(new, stage):
    async with new(stage) as client:
        params = {"name": "late", "arguments": {"refuse": True}, "inputResponses": {"first": ADA}}
        result = await client.call("tools/call", params)
        assert (result["resultType"], result["isError"]) == ("complete", True)
        assert len(stage.server.tasks) == 0


async def test_a_call_that_is_cancelled_before_it_is_a_task_stops_its_handler(new, stage):
    @stage.server.tool(taskSupport="optional", begins="handler")
    async def hesitate():
        """Never get to the task."""
        try:
            await stage.gate.wait()
        finally:
            stage.ended.append("stopped")

    async with new(stage) as client:
        await client.send_only("c", "tools/call", {"name": "hesitate", "arguments": {}})
        await client.call("tools/list")
        await client.client.notify("notifications/cancelled", {"requestId": "c"})
        await client.call("tools/list")
        assert stage.ended == ["stopped"]


async def test_who_listens_hears_of_every_change_and_of_what_was_before(new, stage):
    async with new(stage) as client:
        line = client.client
        over, waiting = await client.begin("fail"), await client.begin("wait")
        await client.until(over, "completed")
        ids = [over["taskId"], waiting["taskId"], "unknown"]
        await client.send_only("l", "subscriptions/listen", {"notifications": {"taskIds": ids}})
        told = []
        while len(told) < 3:
            await client.get(waiting)
            told = [message for message in line.seen if "method" in message]
            if len(told) == 2:
                stage.gate.set()
        acknowledged, first, second = told
        assert acknowledged["params"]["notifications"] == {"taskIds": ids[:2]}
        assert first["method"] == second["method"] == "notifications/tasks"
        assert (first["params"]["taskId"], first["params"]["status"]) == (over["taskId"], "completed")
        assert second["params"]["result"]["content"][0]["text"] == "done"
        assert SUBSCRIPTION_ID in second["params"]["_meta"]


async def test_listening_to_tasks_needs_the_extension(new, stage):
    async with new(stage) as client:
        error = await client.call("subscriptions/listen", {"notifications": {"taskIds": ["x"]}}, {})
        assert (error["code"], error["data"]) == (-32021, REQUIRED)
        error = await client.call("subscriptions/listen", {"notifications": {"taskIds": "x"}})
        assert error["code"] == -32602
