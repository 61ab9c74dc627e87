"""The client's tasks against the reference server, over a channel in memory on which every message is judged, and
against scripted servers where the reference server would never do that."""

import asyncio
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import anyio.lowlevel
import pytest

from conformance.schema import messages, violations
from reference_impl.client import (
    CallOptions,
    ClientSettings,
    Filter,
    Handlers,
    InputRefused,
    InvalidAnswer,
    NotOffered,
    RequestFailed,
    RequestTimeout,
    Task,
    TaskCancelled,
    connect,
)
from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import decode_json
from reference_impl.protocol.methods import TASKS
from reference_impl.protocol.revisions import R2025_11_25, R2026_07_28
from reference_impl.server import AdvancedMCPServer, Context, ServerOptions, TaskOptions, ToolError
from reference_impl.server.stream import serve_stream
from reference_impl.transports.memory import memory_pair

pytestmark = pytest.mark.anyio

ERAS = pytest.mark.parametrize("revision", [R2025_11_25, R2026_07_28], ids=str)
FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


async def ada(_):
    return {"action": "accept", "content": {"name": "Ada"}}


async def refuse(_):
    raise RemoteProtocolError(Code.INVALID_REQUEST, "not today")


class Stage:
    """A server whose tools do as the test tells them."""

    def __init__(self):
        options = ServerOptions(tasks=TaskOptions(poll_interval_ms=10), pages={"tasks/list": 2})
        self.server = AdvancedMCPServer("stage", options=options)
        self.gate, self.waiting = asyncio.Event(), asyncio.Event()
        self.ended = []

        @self.server.tool(taskSupport="required")
        async def work(context: Context, result: str = "done"):
            """Wait for the gate."""
            context.progress(1, 2, "half way")
            self.waiting.set()
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.ended.append("stopped")
                raise
            context.progress(2, 2, "all the way")
            return result

        @self.server.tool(taskSupport="required", outputSchema={"type": "object"})
        async def fail(kind: str = "tool"):
            """Fail in one of two ways."""
            if kind == "tool":
                raise ToolError("no luck")
            raise RemoteProtocolError(Code.INTERNAL_ERROR, "broken", {"at": 1})

        @self.server.tool(taskSupport="required")
        async def ask(context: Context):
            """Ask for two names."""
            answers = [await context.elicit("Name?", FORM) for _ in range(2)]
            return " and ".join(answer["content"]["name"] for answer in answers)

        @self.server.tool()
        async def ask_as_task(context: Context):
            """Ask for a name, as a task of the client's."""
            answer = await context.elicit("Name?", FORM, as_task=True)
            return answer["content"]["name"]

        @self.server.tool()
        async def sample_as_task(context: Context):
            """Ask for a sample, as a task of the client's."""
            message = {"role": "user", "content": {"type": "text", "text": "?"}}
            return (await context.sample([message], 10, as_task=True))["content"]["text"]

        @self.server.tool()
        async def plain():
            """Never a task."""
            return "plain"


class Line(anyio.abc.ByteReceiveStream, anyio.abc.ByteSendStream):
    """The server's end of a channel, which keeps what passes."""

    def __init__(self, channel, passed):
        self._channel, self._passed = channel, passed

    async def receive(self, max_bytes=65536):
        del max_bytes
        data = await self._channel.receive()
        self._passed += [("client", decode_json(line)) for line in data.splitlines() if line]
        return data

    async def send(self, item):
        self._passed += [("server", decode_json(line)) for line in item.splitlines() if line]
        await self._channel.send(item)

    async def aclose(self):
        pass


def judge(passed, revision):
    """Hold every message of both sides against the schema of the revision; raise for the first that departs."""
    known, asked = messages(str(revision)), {}
    for side, message in passed:
        if "method" in message:
            if message["method"] not in known:  # the probe for the other era
                continue
            definition = known[message["method"]].definition
            assert violations(str(revision), definition, message) == [], message
            if "id" in message:
                asked[side, message["id"]] = message
        elif "result" in message:
            request = asked["server" if side == "client" else "client", message["id"]]
            names = known[request["method"]].results
            names += ("CreateTaskResult",) if "task" in request.get("params", {}) else ()
            assert any(violations(str(revision), name, message["result"]) == [] for name in names), message


@asynccontextmanager
async def talking(stage, revision, **handlers):
    near, far = memory_pair()
    passed = []
    line = Line(far, passed)
    settings = ClientSettings(revisions=(revision,), handlers=Handlers(**handlers), timeout=5)
    with anyio.fail_after(5):
        serving = asyncio.ensure_future(serve_stream(stage.server, line, line))
        async with connect(near, settings) as client:
            yield client
        await serving
    judge(passed, revision)


@pytest.fixture
def stage():
    return Stage()


def text(result):
    return result["content"][0]["text"]


@ERAS
@pytest.mark.parametrize("listed", [True, False])
async def test_a_call_that_becomes_a_task_returns_what_it_comes_to(stage, revision, listed):
    stage.gate.set()
    async with talking(stage, revision) as client:
        if listed:
            await client.list_tools()
        assert text(await client.call_tool("work", {"result": "made"})) == "made"
        assert text(await client.request("tools/call", {"name": "plain", "arguments": {}})) == "plain"


@ERAS
async def test_each_state_that_is_seen_is_told(stage, revision):
    told = []

    def note(task):
        told.append((task.status.value, task.message))
        if len(told) == 2:
            stage.gate.set()

    async with talking(stage, revision) as client:
        await client.list_tools()
        await client.call_tool("work", {}, CallOptions(on_status=note))
    assert told[0] == ("working", "The work has begun")
    assert told[1] == ("working", "half way")
    assert told[-1][0] == "completed"


async def test_progress_is_heard_as_long_as_the_task_lasts(stage):
    heard = []

    def note(progress):
        heard.append(progress.progress)
        stage.gate.set()

    async with talking(stage, R2025_11_25) as client:
        await client.list_tools()
        await client.call_tool("work", {}, CallOptions(on_progress=note))
        assert heard == [1, 2]
        assert client._requester.caller._heard == {}


@ERAS
async def test_a_tool_that_failed_says_so_in_its_result(stage, revision):
    async with talking(stage, revision) as client:
        await client.list_tools()
        result = await client.call_tool("fail")
        assert (result["isError"], text(result)) == (True, "no luck")


@ERAS
async def test_a_task_that_came_to_an_error_raises_it(stage, revision):
    async with talking(stage, revision) as client:
        await client.list_tools()
        with pytest.raises(RequestFailed, match="broken") as raised:
            await client.call_tool("fail", {"kind": "protocol"})
        assert (raised.value.code, raised.value.data) == (-32603, {"at": 1})


@ERAS
async def test_what_a_task_asks_is_answered_once_each(stage, revision):
    asked = []

    async def answer(params):
        asked.append(params["message"])
        return await ada(params)

    async with talking(stage, revision, elicitation=answer) as client:
        await client.list_tools()
        assert text(await client.call_tool("ask")) == "Ada and Ada"
    assert asked == ["Name?", "Name?"]


async def test_a_refusal_to_answer_cancels_a_modern_task(stage):
    async with talking(stage, R2026_07_28, elicitation=refuse) as client:
        with pytest.raises(InputRefused):
            await client.call_tool("ask")
        await client.ping()
        assert len(stage.server.tasks) == 0


async def test_a_refusal_to_answer_is_told_to_a_legacy_task(stage):
    async with talking(stage, R2025_11_25, elicitation=refuse) as client:
        await client.list_tools()
        result = await client.call_tool("ask")
        assert result["isError"] is True
        assert "not today" in text(result)


@ERAS
async def test_a_call_that_is_cancelled_takes_its_task_along(stage, revision):
    seen = anyio.Event()
    options = CallOptions(on_status=lambda _: seen.set())
    async with talking(stage, revision) as client:
        await client.list_tools()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "work", {}, options)
            await seen.wait()
            await stage.waiting.wait()
            tasks.cancel_scope.cancel()
        await client.ping()
        assert stage.ended == ["stopped"]


@ERAS
async def test_a_call_that_is_cancelled_before_its_task_is_known_takes_it_along_too(stage, revision):
    async with talking(stage, revision) as client:
        await client.list_tools()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "work")
            await anyio.lowlevel.checkpoint()  # the call has been sent
            assert len(stage.server.tasks) == 0  # and not been read
            tasks.cancel_scope.cancel()
        await client.ping()
        await client.ping()
        assert len(stage.server.tasks) == 0


@ERAS
async def test_a_call_that_takes_too_long_takes_its_task_along(stage, revision):
    async with talking(stage, revision) as client:
        await client.list_tools()
        with pytest.raises(RequestTimeout, match="tools/call"):
            await client.call_tool("work", {}, CallOptions(task_timeout=0.05))
        await client.ping()
        assert stage.ended == ["stopped"]


@ERAS
async def test_a_task_can_be_held_in_hand(stage, revision):
    async with talking(stage, revision) as client:
        task = await client.start_tool("work", {"result": "in hand"})
        assert isinstance(task, Task)
        assert task.status == "working"
        assert (await client.tasks.get(task.id)).status == "working"
        with pytest.raises(RequestTimeout):
            await client.tasks.wait(task.id, CallOptions(task_timeout=0.02))
        assert stage.ended == []
        stage.gate.set()
        assert text(await client.tasks.wait(task.id)) == "in hand"
        assert text(await client.tasks.wait(task.id)) == "in hand"


@ERAS
async def test_a_task_that_somebody_cancelled_says_so(stage, revision):
    async with talking(stage, revision) as client:
        task = await client.start_tool("work")
        await client.tasks.cancel(task.id)
        with pytest.raises(TaskCancelled, match="by request"):
            await client.tasks.wait(task.id)


async def test_tasks_are_listed_where_the_revision_lists_them(stage):
    async with talking(stage, R2025_11_25) as client:
        made = {(await client.start_tool("work", ttl=9000)).id for _ in range(5)}
        listed = await client.tasks.list()
        assert {task.id for task in listed} == made
        assert {task.ttl for task in listed} == {9000}
    async with talking(stage, R2026_07_28) as client:
        with pytest.raises(NotOffered):
            await client.tasks.list()


async def test_a_tool_that_is_no_task_is_not_started_as_one(stage):
    async with talking(stage, R2025_11_25) as client:
        with pytest.raises(NotOffered, match="plain"):
            await client.start_tool("plain")
    async with talking(stage, R2026_07_28) as client:
        assert text(await client.start_tool("plain")) == "plain"


async def test_a_client_without_the_extension_is_never_given_a_task(stage):
    async with talking(stage, R2026_07_28, tasks=False) as client:
        with pytest.raises(RequestFailed) as raised:
            await client.call_tool("work")
        assert raised.value.code == -32021
        with pytest.raises(NotOffered):
            await client.tasks.get("x")


async def test_a_task_outlives_the_connection_of_a_modern_client(stage):
    async with stage.server.running():
        async with talking(stage, R2026_07_28) as client:
            task = await client.start_tool("work", {"result": "kept"})
        stage.gate.set()
        async with talking(stage, R2026_07_28) as client:
            assert text(await client.tasks.wait(task.id)) == "kept"


async def test_a_task_of_a_legacy_client_without_a_name_ends_with_its_connection(stage):
    async with stage.server.running():
        async with talking(stage, R2025_11_25) as client:
            task = await client.start_tool("work")
            await stage.waiting.wait()
        assert stage.ended == ["stopped"]
        async with talking(stage, R2025_11_25) as client:
            with pytest.raises(RequestFailed) as raised:
                await client.tasks.wait(task.id)
            assert raised.value.code == -32602


async def test_a_question_can_be_answered_by_hand(stage):
    async with talking(stage, R2026_07_28, elicitation=ada) as client:
        task = await client.start_tool("ask")
        for name in ("Bob", "Eve"):
            state = await client.tasks.get(task.id)
            while state.status != "input_required":
                state = await client.tasks.get(task.id)
            (key,) = state.input_requests
            await client.tasks.update(task.id, {key: {"action": "accept", "content": {"name": name}}})
        assert text(await client.tasks.wait(task.id)) == "Bob and Eve"


@ERAS
async def test_news_of_a_task_come_to_who_listens(stage, revision):
    async with talking(stage, revision) as client:
        task = await client.start_tool("work")
        async with client.listen(Filter(tasks=(task.id, "unknown"))) as news:
            if revision.modern:
                assert news.accepted == {"taskIds": [task.id]}
            stage.gate.set()
            async for notification in news:
                if notification.params["status"] == "completed":
                    break
        assert notification.params["taskId"] == task.id


# A server that asks the client for tasks --------------------------------------------------------


async def sampled(_):
    return {"role": "assistant", "content": {"type": "text", "text": "sampled"}, "model": "m"}


@pytest.mark.parametrize("takes", [True, False])
async def test_a_server_may_ask_for_answers_as_tasks_where_the_client_takes_them(stage, takes):
    async with talking(stage, R2025_11_25, elicitation=ada, sampling=sampled, takes_tasks=takes) as client:
        assert text(await client.call_tool("ask_as_task")) == "Ada"
        assert text(await client.call_tool("sample_as_task")) == "sampled"


async def test_a_failed_answer_fails_its_task(stage):
    async with talking(stage, R2025_11_25, elicitation=refuse, takes_tasks=True) as client:
        result = await client.call_tool("ask_as_task")
        assert "not today" in text(result)


ASKED = {"message": "Name?", "requestedSchema": FORM, "task": {"ttl": 60_000}}


@asynccontextmanager
async def asked(talk, script, **handlers):
    """A client of a scripted legacy server that asks it things."""

    async def server(peer):
        await peer.open_legacy()

        async def ask(method, params=None, identifier="q"):
            await peer.send({"id": identifier, "method": method, "params": params or {}})
            answer = await peer.receive()
            assert answer["id"] == identifier
            return answer.get("result") or answer["error"]

        await script(peer, ask)
        done.set()

    done = anyio.Event()
    settings = {"revisions": (R2025_11_25,), "handlers": Handlers(**handlers, takes_tasks=True)}
    async with talk(server, **settings) as client:
        await done.wait()
        yield client


async def test_a_client_shows_its_tasks_and_keeps_their_results(talk):
    async def script(_peer, ask):
        created = await ask("elicitation/create", ASKED)
        task = created["task"]
        assert (task["status"], task["ttl"]) == ("working", 60_000)
        result = await ask("tasks/result", {"taskId": task["taskId"]})
        assert result["content"] == {"name": "Ada"}
        assert result["_meta"]["io.modelcontextprotocol/related-task"] == {"taskId": task["taskId"]}
        assert (await ask("tasks/get", {"taskId": task["taskId"]}))["status"] == "completed"
        assert [item["taskId"] for item in (await ask("tasks/list"))["tasks"]] == [task["taskId"]]
        assert (await ask("tasks/cancel", {"taskId": task["taskId"]}))["code"] == -32602
        assert (await ask("tasks/get", {"taskId": "unknown"}))["code"] == -32602
        assert (await ask("tasks/list", {"cursor": "x"}))["code"] == -32602

    async with asked(talk, script, elicitation=ada):
        pass


async def test_a_clients_task_is_cancelled_with_its_handler(talk):
    ended = []

    async def never(_):
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("stopped")

    async def script(_peer, ask):
        task = (await ask("elicitation/create", ASKED))["task"]
        params = {"taskId": task["taskId"]}
        assert (await ask("tasks/get", params))["status"] == "working"
        assert (await ask("tasks/cancel", params))["status"] == "cancelled"
        assert (await ask("tasks/get", params))["status"] == "cancelled"
        assert (await ask("tasks/result", params))["code"] == -32603

    async with asked(talk, script, elicitation=never):
        pass
    assert ended == ["stopped"]


async def test_a_client_has_only_so_many_tasks(talk):
    async def script(_peer, ask):
        answers = [await ask("elicitation/create", ASKED, f"q{number}") for number in range(66)]
        assert ["task" in answer for answer in answers] == [True] * 64 + [False] * 2
        assert answers[-1]["code"] == -32603

    async with asked(talk, script, elicitation=ada):
        pass


async def test_an_answer_that_belongs_to_a_task_of_the_server_says_so(talk):
    tie = {"io.modelcontextprotocol/related-task": {"taskId": "theirs"}}

    async def script(_peer, ask):
        plain = {name: value for name, value in ASKED.items() if name != "task"}
        assert (await ask("elicitation/create", plain | {"_meta": tie}))["_meta"] == tie

    async with asked(talk, script, elicitation=ada):
        pass


# Servers that break the rules -------------------------------------------------------------------

EXTENDED = {"tools": {}, "resources": {}, "extensions": {TASKS: {}}}
MADE = {"resultType": "task", "taskId": "t", "status": "working", "createdAt": "", "lastUpdatedAt": "", "ttlMs": None}


async def test_only_calls_of_tools_become_tasks(talk):
    async def server(peer):
        await peer.open_modern(EXTENDED)
        await peer.answer(await peer.expect("resources/read"), MADE)

    async with talk(server) as client:
        with pytest.raises(InvalidAnswer, match="task"):
            await client.read_resource("test://x")


@pytest.mark.parametrize("capabilities", [{"tools": {}}, EXTENDED])
async def test_a_task_needs_the_extension_on_both_sides(talk, capabilities):
    async def server(peer):
        await peer.open_modern(capabilities)
        await peer.answer(await peer.expect("tools/call"), MADE)

    own = capabilities is not EXTENDED
    async with talk(server, handlers=Handlers(tasks=own)) as client:
        with pytest.raises(InvalidAnswer):
            await client.call_tool("x")


@pytest.mark.parametrize("task", [{**MADE, "taskId": 7}, {**MADE, "status": "asleep"}])
async def test_what_is_no_task_is_an_invalid_answer(talk, task):
    async def server(peer):
        await peer.open_modern(EXTENDED)
        await peer.answer(await peer.expect("tools/call"), task)

    async with talk(server) as client:
        with pytest.raises(InvalidAnswer):
            await client.call_tool("x")


async def test_a_task_that_is_completed_without_a_result_is_an_invalid_answer(talk):
    async def server(peer):
        await peer.open_modern(EXTENDED)
        await peer.answer(await peer.expect("tools/call"), {**MADE, "pollIntervalMs": 1})
        state = {**MADE, "resultType": "complete", "status": "completed"}
        await peer.answer(await peer.expect("tasks/get"), state)
        await peer.complete(await peer.expect("tasks/cancel"))

    async with talk(server) as client:
        with pytest.raises(InvalidAnswer, match="no result"):
            await client.call_tool("x")


async def test_a_task_that_has_ended_when_it_is_made_is_asked_for_its_result(talk):
    async def server(peer):
        await peer.open_modern(EXTENDED)
        await peer.answer(await peer.expect("tools/call"), {**MADE, "status": "completed"})
        state = {**MADE, "resultType": "complete", "status": "completed", "result": {"content": ["here"]}}
        await peer.answer(await peer.expect("tasks/get"), state)

    async with talk(server) as client:
        assert (await client.call_tool("x"))["content"] == ["here"]


async def test_a_task_that_comes_after_its_call_was_given_up_is_cancelled(talk):
    called = anyio.Event()

    async def server(peer):
        await peer.open_modern(EXTENDED)
        call = await peer.expect("tools/call")
        called.set()
        await peer.expect("notifications/cancelled")
        await peer.answer(call, MADE)
        cancel = await peer.expect("tasks/cancel")
        assert cancel["params"]["taskId"] == "t"
        await peer.complete(cancel)
        await peer.complete(await peer.expect("server/discover"))

    async with talk(server) as client:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "x")
            await called.wait()
            tasks.cancel_scope.cancel()
        while not client._dispatcher._caller._watched:  # until the answer that came too late has been read
            await anyio.lowlevel.checkpoint()
        await client.ping()


async def test_a_question_is_shown_to_the_user_once_however_often_it_is_seen(talk):
    asked = []

    async def note(params):
        asked.append(params)
        return await ada(params)

    async def server(peer):
        await peer.open_modern(EXTENDED)
        await peer.answer(await peer.expect("tools/call"), {**MADE, "pollIntervalMs": 1})
        question = {"method": "elicitation/create", "params": {"message": "?", "requestedSchema": FORM}}
        state = {**MADE, "resultType": "complete", "pollIntervalMs": 1}
        asking = {**state, "status": "input_required", "inputRequests": {"k": question}}
        await peer.answer(await peer.expect("tasks/get"), asking)
        update = await peer.expect("tasks/update")
        assert update["params"]["inputResponses"] == {"k": {"action": "accept", "content": {"name": "Ada"}}}
        await peer.complete(update)
        await peer.answer(await peer.expect("tasks/get"), asking)
        done = {**state, "status": "completed", "result": {"content": []}}
        await peer.answer(await peer.expect("tasks/get"), done)

    async with talk(server, handlers=Handlers(elicitation=note)) as client:
        await client.call_tool("x")
    assert len(asked) == 1


async def test_a_handler_that_fails_takes_the_task_along(talk):
    async def broken(_):
        raise LookupError("no user")

    async def server(peer):
        await peer.open_modern(EXTENDED)
        question = {"method": "elicitation/create", "params": {"message": "?", "requestedSchema": FORM}}
        await peer.answer(await peer.expect("tools/call"), {**MADE, "pollIntervalMs": 1})
        asking = {**MADE, "resultType": "complete", "status": "input_required", "inputRequests": {"k": question}}
        await peer.answer(await peer.expect("tasks/get"), asking)
        await peer.complete(await peer.expect("tasks/cancel"))

    async with talk(server, handlers=Handlers(elicitation=broken)) as client:
        with pytest.raises(LookupError, match="no user"):
            await client.call_tool("x")
