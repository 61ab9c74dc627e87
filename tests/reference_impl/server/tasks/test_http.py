"""Tasks over HTTP: whose they are, what outlives a connection, where questions travel."""

import asyncio

import pytest

from reference_impl.protocol.methods import TASKS
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.auth import BearerTokens

pytestmark = pytest.mark.anyio

OLD = "2025-11-25"
EXTENSION = {"extensions": {TASKS: {}}}
TOKENS = {"a": "ann", "b": "bob"}


def bearer(token):
    return {"authorization": f"Bearer {token}"}


class Session:
    """A legacy client with a token, or without one."""

    def __init__(self, web, token=None):
        self.web, self.headers = web, {} if token is None else bearer(token)

    async def open(self):
        params = {
            "protocolVersion": OLD,
            "capabilities": {"elicitation": {}},
            "clientInfo": {"name": "t", "version": "1"},
        }
        request = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        reply = await self.web.send("POST", request, self.headers)
        self.headers |= {"mcp-session-id": reply.headers["mcp-session-id"], "mcp-protocol-version": OLD}
        await self.web.send("POST", {"jsonrpc": "2.0", "method": "notifications/initialized"}, self.headers)
        return self

    async def call(self, method, params=None):
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        reply = await self.web.send("POST", request, self.headers)
        answer = reply.json if reply.headers["content-type"] == "application/json" else reply.messages[-1]
        return answer.get("result") or answer.get("error")

    async def begin(self, tool="wait"):
        return (await self.call("tools/call", {"name": tool, "task": {}}))["task"]["taskId"]


async def modern(web, method, params, token=None):
    headers = {} if token is None else bearer(token)
    name = params.get("taskId") or params.get("name")
    reply = await web.modern(method, params, headers | {"mcp-name": name}, EXTENSION)
    return reply.json.get("result") or reply.json.get("error")


@pytest.fixture
async def guarded(stage, web_of):
    web = web_of(MCPApplication(stage.server, authenticate=BearerTokens(TOKENS)))
    yield web
    await web.close()


@pytest.fixture
async def unguarded(stage, web_of):
    web = web_of(MCPApplication(stage.server))
    yield web
    await web.close()


async def test_another_principal_never_learns_of_a_task(guarded):
    ann, bob = await Session(guarded, "a").open(), await Session(guarded, "b").open()
    task = await ann.begin()
    unknown = await bob.call("tasks/get", {"taskId": "unknown"})
    for method in ("tasks/get", "tasks/result", "tasks/cancel"):
        assert await bob.call(method, {"taskId": task}) == unknown
    assert (await bob.call("tasks/list"))["tasks"] == []
    assert (await ann.call("tasks/get", {"taskId": task}))["status"] == "working"
    made = await modern(guarded, "tools/call", {"name": "wait", "arguments": {}}, "a")
    for method in ("tasks/get", "tasks/update", "tasks/cancel"):
        params = {"taskId": made["taskId"], "inputResponses": {}}
        assert (await modern(guarded, method, params, "b"))["code"] == -32602
    assert (await modern(guarded, "tasks/get", {"taskId": made["taskId"]}, "a"))["status"] == "working"


async def test_a_task_outlives_the_session_of_its_principal(guarded, stage):
    first = await Session(guarded, "a").open()
    task = await first.begin()
    await guarded.send("DELETE", b"", first.headers)
    again = await Session(guarded, "a").open()
    assert [found["taskId"] for found in (await again.call("tasks/list"))["tasks"]] == [task]
    stage.gate.set()
    assert (await again.call("tasks/result", {"taskId": task}))["content"][0]["text"] == "done"


async def test_without_principals_a_task_belongs_to_its_session_and_ends_with_it(unguarded, stage):
    first, second = await Session(unguarded).open(), await Session(unguarded).open()
    task = await first.begin()
    assert (await second.call("tasks/get", {"taskId": task}))["code"] == -32602
    assert (await second.call("tasks/list"))["tasks"] == []
    assert (await first.call("tasks/get", {"taskId": task}))["status"] == "working"
    await unguarded.send("DELETE", b"", first.headers)
    await second.call("ping")
    assert stage.ended == ["done"]
    assert (len(stage.server.tasks), len(stage.server.tasks.store)) == (0, 0)
    assert stage.server.tasks._keys == {}


async def test_without_principals_a_modern_task_belongs_to_who_knows_its_id(unguarded, stage):
    made = await modern(unguarded, "tools/call", {"name": "wait", "arguments": {}})
    stage.gate.set()
    state = {}
    while state.get("status") != "completed":
        state = await modern(unguarded, "tasks/get", {"taskId": made["taskId"]})
    assert state["result"]["content"][0]["text"] == "done"


async def test_a_task_of_one_era_is_none_of_the_other(guarded):
    session = await Session(guarded, "a").open()
    task = await session.begin()
    assert (await modern(guarded, "tasks/get", {"taskId": task}, "a"))["code"] == -32602
    made = await modern(guarded, "tools/call", {"name": "wait", "arguments": {}}, "a")
    assert (await session.call("tasks/get", {"taskId": made["taskId"]}))["code"] == -32602


async def test_the_header_names_the_task(unguarded):
    made = await modern(unguarded, "tools/call", {"name": "wait", "arguments": {}})
    reply = await unguarded.modern("tasks/get", {"taskId": made["taskId"]}, {"mcp-name": "another"}, EXTENSION)
    assert (reply.status, reply.json["error"]["code"]) == (400, -32020)


async def test_a_client_without_the_extension_is_refused_with_400(unguarded):
    reply = await unguarded.modern("tasks/get", {"taskId": "x"}, {"mcp-name": "x"})
    assert (reply.status, reply.json["error"]["code"]) == (400, -32021)


async def test_a_question_travels_on_the_stream_that_waits_for_the_result(guarded):
    first = await Session(guarded, "a").open()
    task = await first.begin("ask")
    state = {}
    while state.get("status") != "input_required":
        state = await first.call("tasks/get", {"taskId": task})
    again = await Session(guarded, "a").open()  # the one that made the task need not be the one that answers
    waiting = {"jsonrpc": "2.0", "id": 7, "method": "tasks/result", "params": {"taskId": task}}
    reply = await guarded.open("POST", waiting, again.headers)
    question = await reply.message()
    assert question["method"] == "elicitation/create"
    answer = {"action": "accept", "content": {"name": "Ada"}}
    await guarded.send("POST", {"jsonrpc": "2.0", "id": question["id"], "result": answer}, again.headers)
    assert (await reply.message())["result"]["content"][0]["text"] == "Ada"


async def test_a_question_that_went_to_a_lost_connection_is_asked_again(unguarded):
    session = await Session(unguarded).open()
    task = await session.begin("ask")
    waiting = {"jsonrpc": "2.0", "id": 7, "method": "tasks/result", "params": {"taskId": task}}
    lost = await unguarded.open("POST", waiting, session.headers)
    first = await lost.message()
    lost.disconnect()
    again = await unguarded.open("POST", waiting | {"id": 8}, session.headers)
    question = await again.message()
    assert question["method"] == "elicitation/create"
    assert question["id"] != first["id"]
    answer = {"action": "accept", "content": {"name": "Ada"}}
    await unguarded.send("POST", {"jsonrpc": "2.0", "id": question["id"], "result": answer}, session.headers)
    assert (await again.message())["result"]["content"][0]["text"] == "Ada"


async def test_a_request_for_the_result_that_is_cancelled_takes_its_question_back(unguarded):
    session = await Session(unguarded).open()
    task = await session.begin("ask")
    waiting = {"jsonrpc": "2.0", "id": 7, "method": "tasks/result", "params": {"taskId": task}}
    reply = await unguarded.open("POST", waiting, session.headers)
    question = await reply.message()
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}}
    await unguarded.send("POST", cancel, session.headers)
    withdrawn = await reply.message()
    assert withdrawn["method"] == "notifications/cancelled"
    assert withdrawn["params"]["requestId"] == question["id"]
    assert await reply.message() is None
    assert (await session.call("tasks/get", {"taskId": task}))["status"] == "input_required"


async def test_what_a_task_says_travels_with_the_request_for_its_result(unguarded, stage):
    session = await Session(unguarded).open()
    task = await session.begin("ask")
    waiting = {"jsonrpc": "2.0", "id": 7, "method": "tasks/result", "params": {"taskId": task}}
    reply = await unguarded.open("POST", waiting, session.headers)
    await reply.message()  # the question
    run = stage.server.tasks._live[task]
    run.exchange.notify("notifications/message", {"level": "info", "data": "on the way"})
    told = await reply.message()
    assert told["params"]["data"] == "on the way"
    assert told["params"]["_meta"]["io.modelcontextprotocol/related-task"] == {"taskId": task}
    await session.call("tasks/cancel", {"taskId": task})
    assert (await reply.message())["method"] == "notifications/cancelled"  # the question
    assert (await reply.message())["error"]["code"] == -32603


async def test_asking_for_the_state_is_answered_without_a_stream(unguarded):
    session = await Session(unguarded).open()
    task = await session.begin()
    request = {"jsonrpc": "2.0", "id": 1, "method": "tasks/get", "params": {"taskId": task}}
    reply = await unguarded.send("POST", request, session.headers)
    assert reply.headers["content-type"] == "application/json"


async def test_who_leaves_before_the_task_is_made_stops_its_handler(unguarded, stage):
    @stage.server.tool(taskSupport="optional", begins="handler")
    async def hesitate():
        """Never get to the task."""
        try:
            await stage.gate.wait()
        finally:
            stage.ended.append("stopped")
            stage.gate.set()

    params = {"name": "hesitate", "arguments": {}}
    opening = asyncio.ensure_future(
        unguarded.open_modern("tools/call", params, {"accept": "application/json"}, EXTENSION)
    )
    while not stage.server.tasks._chores:
        await modern(unguarded, "tools/list", {"name": ""})
    for task in list(unguarded.tasks):
        task.cancel()
    await stage.gate.wait()
    assert stage.ended == ["stopped"]
    opening.cancel()
