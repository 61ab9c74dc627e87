"""The experimental tasks of 2025-11-25: the client asks for them, and fetches their results."""

import pytest

from reference_impl.protocol.tasks import RELATED_TASK

pytestmark = pytest.mark.anyio


def tied(message):
    """Return the id of the task that a message, or a result, says it belongs to."""
    members = message.get("params", message)
    return (members.get("_meta") or {}).get(RELATED_TASK, {}).get("taskId")


async def payload(client, task):
    return await client.call("tasks/result", {"taskId": task["taskId"]})


async def test_the_capability_and_the_tools_say_what_runs_as_a_task(over_lines, stage):
    async with over_lines(stage.server) as client:
        initialized = await client.initialize()
        assert initialized["capabilities"]["tasks"] == {"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}}
        tools = {tool["name"]: tool.get("execution") for tool in (await client.ask("tools/list"))["result"]["tools"]}
        assert tools["wait"] == {"taskSupport": "optional"}
        assert tools["fail"] == {"taskSupport": "required"}
        assert tools["plain"] is None


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18"])
async def test_earlier_revisions_know_nothing_of_tasks(over_lines, stage, version):
    async with over_lines(stage.server) as client:
        assert "tasks" not in (await client.initialize(version))["capabilities"]
        assert not any("execution" in tool for tool in (await client.ask("tools/list"))["result"]["tools"])
        result = (await client.ask("tools/call", {"name": "plain", "task": {}}))["result"]
        assert result["content"][0]["text"] == "plain"
        assert (await client.ask("tools/call", {"name": "fail"}))["result"]["isError"] is True
        assert (await client.ask("tasks/get", {"taskId": "x"}))["error"]["code"] == -32601


async def test_a_server_without_such_tools_ignores_the_wish(over_lines, empty_server):
    @empty_server.tool()
    async def plain():
        return "plain"

    async with over_lines(empty_server) as client:
        assert "tasks" not in (await client.initialize())["capabilities"]
        result = (await client.ask("tools/call", {"name": "plain", "task": 7}))["result"]
        assert result["content"][0]["text"] == "plain"
        assert (await client.ask("tasks/list"))["error"]["code"] == -32601


async def test_tool_and_call_have_to_agree(old, stage):
    async with old(stage) as client:
        assert (await client.call("tools/call", {"name": "plain", "task": {}}))["code"] == -32601
        assert (await client.call("tools/call", {"name": "fail"}))["code"] == -32601
        assert (await client.call("tools/call", {"name": "wait", "task": "soon"}))["code"] == -32602
        assert (await client.call("tools/call", {"name": "wait", "task": {"ttl": "soon"}}))["code"] == -32602
        stage.gate.set()
        assert (await client.call("tools/call", {"name": "wait"}))["content"][0]["text"] == "done"


async def test_the_lifetime_is_as_wished_within_bounds(old, stage_of):
    stage = stage_of(ttl_ms=5000, longest_ttl_ms=9000)
    async with old(stage) as client:
        wishes = ({}, {"ttl": 7000}, {"ttl": 10**12}, {"ttl": 0})
        granted = [(await client.begin("wait", **wish))["ttl"] for wish in wishes]
        assert granted == [5000, 7000, 9000, 1000]


async def test_a_failed_tool_fails_its_task_and_its_result_is_the_tools(old, stage):
    async with old(stage) as client:
        task = await client.begin("fail")
        assert (await client.until(task, "failed"))["statusMessage"] == "no luck"
        result = await payload(client, task)
        assert result["isError"] is True
        assert tied(result) == task["taskId"]


async def test_the_result_is_waited_for(old, stage):
    async with old(stage) as client:
        task = await client.begin("wait")
        await client.send_only("r", "tasks/result", {"taskId": task["taskId"]})
        await client.get(task)
        await client.get(task)
        assert not [message for message in client.client.seen if message.get("id") == "r"]
        stage.gate.set()
        assert (await client.client.answer("r"))["result"]["content"][0]["text"] == "done"


async def test_the_result_can_be_fetched_again_and_again(old, stage):
    async with old(stage) as client:
        stage.gate.set()
        task = await client.begin("wait")
        first = await payload(client, task)
        assert await payload(client, task) == first
        assert "related-task" not in str(await client.get(task))


async def test_what_a_task_says_is_tied_to_it_and_keeps_the_token_of_its_call(old, stage):
    async with old(stage) as client:
        params = {"name": "wait", "task": {}, "_meta": {"progressToken": "p"}}
        created = await client.call("tools/call", params)
        task = created["task"]
        assert tied(created) == task["taskId"]
        stage.gate.set()
        await client.until(task, "completed")
        told = client.client.seen
        progress = [message["params"] for message in told if message["method"] == "notifications/progress"]
        assert [item["progress"] for item in progress] == [1, 2]
        assert {item["progressToken"] for item in progress} == {"p"}
        logs = [message for message in told if message["method"] == "notifications/message"]
        assert {tied(message) for message in told if message["method"] != "notifications/tasks/status"} == {
            task["taskId"]
        }
        assert len(logs) == 1


async def test_changes_of_status_are_announced_without_further_ties(old, stage):
    async with old(stage) as client:
        task = await client.begin("ask")
        await client.until(task, "input_required")
        await client.call("tasks/cancel", {"taskId": task["taskId"]})
        await client.get(task)
        told = [message for message in client.client.seen if message["method"] == "notifications/tasks/status"]
        assert [message["params"]["status"] for message in told] == ["input_required", "cancelled"]
        assert {tied(message) for message in told} == {None}


async def test_a_task_that_has_ended_cannot_be_cancelled(old, stage):
    async with old(stage) as client:
        task = await client.begin("wait")
        cancelled = await client.call("tasks/cancel", {"taskId": task["taskId"]})
        assert (cancelled["status"], cancelled["taskId"]) == ("cancelled", task["taskId"])
        assert tied(cancelled) is None
        error = await client.call("tasks/cancel", {"taskId": task["taskId"]})
        assert error["code"] == -32602
        assert "cancelled already" in error["message"]
        assert (await payload(client, task))["code"] == -32603


async def test_the_list_comes_in_pages_and_holds_all_tasks(old, stage):
    async with old(stage) as client:
        made = []
        for _ in range(5):
            made.append((await client.begin("wait"))["taskId"])
            stage.clock.now += 1
        found, cursor, pages = [], None, 0
        while pages == 0 or cursor is not None:
            result = await client.call("tasks/list", {} if cursor is None else {"cursor": cursor})
            found += [task["taskId"] for task in result["tasks"]]
            cursor, pages = result.get("nextCursor"), pages + 1
        assert (found, pages) == (made, 3)


async def test_a_cursor_outlives_the_tasks_before_it(old, stage_of):
    stage = stage_of(ttl_ms=10_000)
    async with old(stage) as client:
        made = []
        for _ in range(4):
            made.append((await client.begin("wait"))["taskId"])
            stage.clock.now += 1
        cursor = (await client.call("tasks/list"))["nextCursor"]
        stage.clock.now += 6.5  # the first one has expired
        result = await client.call("tasks/list", {"cursor": cursor})
        assert [task["taskId"] for task in result["tasks"]] == made[2:]
        assert [task["taskId"] for task in (await client.call("tasks/list"))["tasks"]] == made[1:3]


async def test_no_task_is_left_out_of_the_pages_because_it_began_with_another(old, stage):
    async with old(stage) as client:
        made = {(await client.begin("wait"))["taskId"] for _ in range(7)}
        found, params = [], {}
        while params is not None:
            result = await client.call("tasks/list", params)
            found += [task["taskId"] for task in result["tasks"]]
            params = {"cursor": result["nextCursor"]} if "nextCursor" in result else None
        assert sorted(found) == sorted(made)


@pytest.mark.parametrize("cursor", ["nonsense", "bm8", "", 7])
async def test_a_cursor_that_was_never_given_is_invalid(old, stage, cursor):
    async with old(stage) as client:
        assert (await client.call("tasks/list", {"cursor": cursor}))["code"] == -32602


async def test_questions_come_with_the_result_and_are_tied_to_the_task(old, stage):
    async with old(stage) as client:
        line = client.client
        task = await client.begin("ask")
        await client.until(task, "input_required")
        await client.send_only("r", "tasks/result", {"taskId": task["taskId"]})
        while "id" not in (question := await line.receive()):
            pass
        assert question["method"] == "elicitation/create"
        assert tied(question) == task["taskId"]
        assert (await client.get(task))["status"] == "input_required"
        answer = {"action": "accept", "content": {"name": "Ada"}, "_meta": {RELATED_TASK: {"taskId": task["taskId"]}}}
        await line.send({"jsonrpc": "2.0", "id": question["id"], "result": answer})
        assert (await line.answer("r"))["result"]["content"][0]["text"] == "Ada"


async def test_a_result_that_is_given_up_takes_its_question_back_and_the_next_asks_anew(old, stage):
    async with old(stage) as client:
        line = client.client
        task = await client.begin("ask")
        ids = []
        for identifier in ("r1", "r2"):
            await client.send_only(identifier, "tasks/result", {"taskId": task["taskId"]})
            while "id" not in (question := await line.receive()):
                pass
            ids.append(question["id"])
            if identifier == "r1":
                await line.notify("notifications/cancelled", {"requestId": "r1"})
                withdrawn = await line.receive()
                assert withdrawn["method"] == "notifications/cancelled"
                assert withdrawn["params"]["requestId"] == ids[0]
        answer = {"action": "accept", "content": {"name": "Ada"}}
        await line.send({"jsonrpc": "2.0", "id": ids[0], "result": {"action": "decline"}})  # too late
        await line.send({"jsonrpc": "2.0", "id": ids[1], "result": answer})
        assert (await line.answer("r2"))["result"]["content"][0]["text"] == "Ada"


async def test_the_newest_request_for_a_result_is_the_one_that_asks(old, stage):
    async with old(stage) as client:
        line = client.client
        task = await client.begin("ask")
        await client.until(task, "input_required")
        ids = []
        for identifier in ("r1", "r2"):
            await client.send_only(identifier, "tasks/result", {"taskId": task["taskId"]})
            while "id" not in (question := await line.receive()):
                line.seen.append(question)
            ids.append(question["id"])
        withdrawn = [message for message in line.seen if message.get("method") == "notifications/cancelled"]
        assert [message["params"]["requestId"] for message in withdrawn] == ids[:1]
        answer = {"action": "accept", "content": {"name": "Ada"}}
        await line.send({"jsonrpc": "2.0", "id": ids[1], "result": answer})
        answers = {message["id"]: message for message in [await line.receive() for _ in range(4)] if "id" in message}
        assert {identifier: found["result"]["content"][0]["text"] for identifier, found in answers.items()} == {
            "r1": "Ada",
            "r2": "Ada",
        }


async def test_the_older_request_asks_again_after_the_newest_was_given_up(old, stage):
    async with old(stage) as client:
        line = client.client
        task = await client.begin("ask")
        for identifier in ("r1", "r2"):
            await client.send_only(identifier, "tasks/result", {"taskId": task["taskId"]})
        await client.until(task, "input_required")
        await line.notify("notifications/cancelled", {"requestId": "r2"})
        await client.get(task)
        await client.get(task)
        questions = [message["id"] for message in line.seen if message.get("method") == "elicitation/create"]
        answer = {"action": "accept", "content": {"name": "Ada"}}
        await line.send({"jsonrpc": "2.0", "id": questions[-1], "result": answer})
        assert (await line.answer("r1"))["result"]["content"][0]["text"] == "Ada"
        assert len(questions) == 3


async def test_a_client_that_refuses_to_answer_fails_the_task(old, stage):
    async with old(stage) as client:
        line = client.client
        task = await client.begin("ask")
        await client.send_only("r", "tasks/result", {"taskId": task["taskId"]})
        while "id" not in (question := await line.receive()):
            pass
        await line.send({"jsonrpc": "2.0", "id": question["id"], "error": {"code": -1, "message": "not today"}})
        result = (await line.answer("r"))["result"]
        assert result["isError"] is True
        assert "not today" in result["content"][0]["text"]
        assert (await client.get(task))["status"] == "failed"


async def test_a_question_of_a_cancelled_task_is_taken_back(old, stage):
    async with old(stage) as client:
        line = client.client
        task = await client.begin("ask")
        await client.send_only("r", "tasks/result", {"taskId": task["taskId"]})
        while "id" not in (question := await line.receive()):
            pass
        await client.call("tasks/cancel", {"taskId": task["taskId"]})
        await line.fence()
        told = [message for message in line.seen if message.get("method") == "notifications/cancelled"]
        assert [message["params"]["requestId"] for message in told] == [question["id"]]
        errors = [message["error"]["code"] for message in line.seen if message.get("id") == "r"]
        assert errors == [-32603]


async def test_a_handler_that_begins_its_task_itself_is_a_task_from_the_call_on(old, stage):
    async with old(stage) as client:
        line = client.client
        task = await client.begin("late")
        await client.until(task, "input_required")
        stage.gate.set()
        await client.send_only("r", "tasks/result", {"taskId": task["taskId"]})
        while "id" not in (question := await line.receive()):
            pass
        answer = {"action": "accept", "content": {"name": "Ada"}}
        await line.send({"jsonrpc": "2.0", "id": question["id"], "result": answer})
        assert (await line.answer("r"))["result"]["content"][0]["text"] == "Ada"
        assert stage.ended == [True]
