"""Asking a client of 2025-11-25 for an answer as a task of its own."""

import pytest

from reference_impl.server import AdvancedMCPServer, Context

pytestmark = pytest.mark.anyio

FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
TAKES = {"elicitation": {"form": {}}, "tasks": {"cancel": {}, "requests": {"elicitation": {"create": {}}}}}
ADA = {"action": "accept", "content": {"name": "Ada"}}
MADE = {"taskId": "c1", "status": "working", "createdAt": "x", "lastUpdatedAt": "x", "ttl": 1000, "pollInterval": 1}


@pytest.fixture
def server():
    server = AdvancedMCPServer("asking")

    @server.tool()
    async def ask(context: Context):
        """Ask for a name."""
        answer = await context.elicit("Name?", FORM, as_task=True)
        return answer["content"]["name"]

    return server


async def begin(client, capabilities=TAKES):
    await client.initialize(capabilities=capabilities)
    await client.send({"jsonrpc": "2.0", "id": "call", "method": "tools/call", "params": {"name": "ask"}})
    return await client.receive()


async def reply(client, request, result):
    await client.send({"jsonrpc": "2.0", "id": request["id"], "result": result})


async def test_a_client_that_takes_tasks_is_asked_until_it_has_the_answer(over_lines, server):
    async with over_lines(server) as client:
        question = await begin(client)
        assert question["method"] == "elicitation/create"
        assert question["params"]["task"] == {"ttl": 300_000}
        await reply(client, question, {"task": MADE})
        for status in ("working", "completed"):
            look = await client.receive()
            assert (look["method"], look["params"]) == ("tasks/get", {"taskId": "c1"})
            await reply(client, look, {**MADE, "status": status})
        fetch = await client.receive()
        assert (fetch["method"], fetch["params"]) == ("tasks/result", {"taskId": "c1"})
        await reply(client, fetch, ADA)
        assert (await client.answer("call"))["result"]["content"][0]["text"] == "Ada"


@pytest.mark.parametrize(
    "capabilities",
    [{"elicitation": {}}, {"elicitation": {}, "tasks": {}}, {"elicitation": {}, "tasks": {"requests": {}}}],
)
async def test_a_client_that_takes_none_is_asked_plainly(over_lines, server, capabilities):
    async with over_lines(server) as client:
        question = await begin(client, capabilities)
        assert "task" not in question["params"]
        await reply(client, question, ADA)
        assert (await client.answer("call"))["result"]["content"][0]["text"] == "Ada"


async def test_a_client_that_answers_at_once_is_believed(over_lines, server):
    async with over_lines(server) as client:
        await reply(client, await begin(client), ADA)
        assert (await client.answer("call"))["result"]["content"][0]["text"] == "Ada"


async def test_a_task_that_is_none_is_a_refusal(over_lines, server):
    async with over_lines(server) as client:
        await reply(client, await begin(client), {"task": {"taskId": 7}})
        assert (await client.answer("call"))["result"]["isError"] is True


async def test_who_stops_waiting_cancels_the_clients_task(over_lines, server):
    async with over_lines(server) as client:
        await reply(client, await begin(client), {"task": MADE})
        await client.receive()  # the first look at it
        await client.notify("notifications/cancelled", {"requestId": "call"})
        told = [await client.receive() for _ in range(2)]
        assert [message["method"] for message in told] == ["notifications/cancelled", "tasks/cancel"]
        assert told[1]["params"] == {"taskId": "c1"}
