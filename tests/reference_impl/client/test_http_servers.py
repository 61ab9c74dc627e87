"""Streamable HTTP against servers that are a few lines each."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from aiohttp import web

from reference_impl.client import (
    AuthorizationFailed,
    CallOptions,
    ClientConnection,
    ClientSettings,
    ConnectionClosed,
    Filter,
    Handlers,
    HttpRefused,
    InvalidAnswer,
    NotOffered,
    RequestFailed,
    RequestTimeout,
    connect,
    event_stream,
)
from reference_impl.client.errors import SessionLost
from reference_impl.protocol.revisions import R2025_03_26, R2025_11_25, R2026_07_28

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
CAPABILITIES = {"tools": {}, "resources": {"subscribe": True}, "logging": {}}
SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Server:
    """An endpoint whose tool calls are answered by a function; everything else is as usual in its era."""

    def __init__(self, call: Callable[[web.Request, Json], Awaitable[web.StreamResponse]], *, modern: bool) -> None:
        self._call = call
        self._modern = modern
        self.version = "2025-11-25"
        self.session: str | None = None
        self.tools: list[Json] = []
        self.seen: list[tuple[str, dict[str, str], Json]] = []
        self.get: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.method == "POST" else {}
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((request.method, headers, body))
        if request.method == "GET":
            return await self.get(request) if self.get else web.Response(status=405)
        if request.method == "DELETE":
            return web.Response(status=200)
        usual = self._modern_answer(body) if self._modern else self._legacy_answer(body, headers)
        return usual if usual is not None else await self._call(request, body)

    def _modern_answer(self, body: Json) -> web.Response | None:
        match body.get("method"):
            case "server/discover":
                return result(body, supportedVersions=["2026-07-28"], capabilities=CAPABILITIES)
            case "tools/list":
                return result(body, tools=self.tools)
        return None

    def _legacy_answer(self, body: Json, headers: dict[str, str]) -> web.Response | None:
        match body.get("method"):
            case "server/discover":
                return web.Response(status=400, text="Bad Request: no session")
            case "initialize":
                session = {} if self.session is None else {"MCP-Session-Id": self.session}
                info = {"name": "http"}
                return result(body, session, protocolVersion=self.version, capabilities=CAPABILITIES, serverInfo=info)
        if self.session is not None and headers.get("mcp-session-id") != self.session:
            return web.Response(status=404)
        if "id" not in body or "method" not in body:
            return web.Response(status=202)
        return result(body) if body["method"] == "ping" else None

    def posted(self, method: str) -> list[tuple[dict[str, str], Json]]:
        return [(headers, body) for verb, headers, body in self.seen if verb == "POST" and body.get("method") == method]


def result(body: Json, headers: dict[str, str] | None = None, **members: Any) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "id": body["id"], "result": members}, headers=headers)


def error(body: Json, code: int, status: int, **data: Any) -> web.Response:
    answer = {"jsonrpc": "2.0", "id": body["id"], "error": {"code": code, "message": "no", "data": data}}
    return web.json_response(answer, status=status)


async def stream(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    return response


def event(message: Json | None = None, **fields: Any) -> bytes:
    lines = [f"{name}: {value}" for name, value in fields.items()]
    data = "" if message is None else json.dumps({"jsonrpc": "2.0", **message})
    return "\n".join([*lines, f"data: {data}", "", ""]).encode()


async def never(request: web.Request, body: Json) -> web.StreamResponse:
    raise AssertionError(body)


@asynccontextmanager
async def running(server: Server) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_route("*", "/mcp", server.handle)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
    finally:
        for _ in range(10):  # a connection that a client has just begun and ended: asyncio leaks it if it stops first
            await anyio.lowlevel.checkpoint()
        await runner.cleanup()


@asynccontextmanager
async def talking(server: Server, **settings: Any) -> AsyncIterator[ClientConnection]:
    with anyio.fail_after(10):
        async with running(server) as url, connect(url, ClientSettings(**settings)) as client:
            yield client


# The era ----------------------------------------------------------------------------------------


async def test_a_modern_request_comes_first_and_carries_the_mirrored_headers():
    async def call(request, body):
        return result(body, resultType="complete", content=["ok"])

    server = Server(call, modern=True)
    async with talking(server) as client:
        assert client.revision is R2026_07_28
        assert (await client.call_tool("caf\u00e9"))["content"] == ["ok"]
    (headers, body), *_ = server.posted("tools/call")
    assert headers["mcp-protocol-version"] == "2026-07-28"
    assert headers["mcp-method"] == "tools/call"
    assert headers["mcp-name"] == "=?base64?Y2Fmw6k=?="
    assert {"application/json", "text/event-stream"} <= {part.strip() for part in headers["accept"].split(",")}
    assert body["params"]["name"] == "caf\u00e9"
    assert "cookie" not in headers
    assert [verb for verb, *_ in server.seen] == ["POST", "POST"]


@pytest.mark.parametrize("status", [400, 404, 405, 406, 500])
async def test_a_refusal_without_a_modern_error_means_a_legacy_server(status):
    class Refusing(Server):
        def _legacy_answer(self, body, headers):
            if body.get("method") == "server/discover":
                return error(body, -32600, status) if status == 400 else web.Response(status=status)
            return super()._legacy_answer(body, headers)

    async with talking(Refusing(never, modern=False)) as client:
        assert client.revision is R2025_11_25
        await client.ping()


async def test_a_modern_error_in_the_body_of_a_400_means_a_modern_server():
    class Choosy(Server):
        refused = False

        def _modern_answer(self, body):
            if not self.refused:
                self.refused = True
                return error(body, -32022, 400, supported=["2026-07-28"], requested="x")
            return super()._modern_answer(body)

    server = Choosy(never, modern=True)
    async with talking(server) as client:
        assert client.revision is R2026_07_28
    assert not server.posted("initialize")


async def test_a_refused_authorization_says_nothing_of_the_era():
    class Guarded(Server):
        async def handle(self, _):
            return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer scope="a"'})

    with pytest.raises(HttpRefused) as caught:
        async with talking(Guarded(never, modern=True)):
            pass
    assert (caught.value.status, caught.value.challenge) == (401, 'Bearer scope="a"')


async def test_authorization_is_sought_again_after_a_challenge():
    class Guarded(Server):
        async def handle(self, request):
            if request.headers.get("Authorization") != "Bearer good":
                return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"})
            return await super().handle(request)

    class Authorizer:
        generation = 0

        def __init__(self):
            self.token, self.asked = "stale", []

        async def headers(self, *_):
            return {"authorization": f"Bearer {self.token}"}

        async def answer(self, refusal):
            self.asked.append((refusal.status, refusal.headers["www-authenticate"], refusal.attempt))
            self.token = "good"
            return True

        def noted(self, url, headers):
            pass

    authorizer = Authorizer()
    async with talking(Guarded(never, modern=True), authorizer=authorizer) as client:
        await client.ping()
    assert authorizer.asked == [(401, "Bearer", 0)]


async def test_an_authorizer_that_always_knows_better_is_believed_a_few_times():
    class Stubborn:
        generation = 0

        async def headers(self, server, method, url):
            return {"authorization": f"Bearer for {server} {method} {url}"}

        async def answer(self, _):
            return True

        def noted(self, url, headers):
            pass

    class Closed(Server):
        async def handle(self, request):
            self.seen.append(request.headers["Authorization"])
            return error(await request.json(), -32600, 401)

    server = Closed(never, modern=True)
    async with running(server) as url:
        with pytest.raises(HttpRefused, match="401"):  # not the error of JSON-RPC that it comes with
            async with connect(url, ClientSettings(authorizer=Stubborn())):
                pass
    assert server.seen == [f"Bearer for {url} POST {url}"] * 5


async def test_no_user_is_asked_for_the_sake_of_a_farewell():
    class Asked:
        generation = 0
        ended = False

        async def headers(self, *_):
            return {"authorization": f"Bearer {self.ended}"}

        async def answer(self, refusal):
            raise AssertionError(refusal)

        def noted(self, *_):
            pass

    class Leaving(Server):
        async def handle(self, request):
            if request.headers["Authorization"] == "Bearer True":
                self.seen.append((request.method, {}, {}))
                return web.Response(status=401)
            return await super().handle(request)

    server, authorizer = Leaving(never, modern=False), Asked()
    server.session = "s1"
    async with talking(server, authorizer=authorizer):
        authorizer.ended = True
    assert server.seen[-1][0] == "DELETE"


async def test_a_client_that_can_be_asked_calls_once_its_server_can_ask():
    order = []

    async def get(request):
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        order.append("listens")
        return await stream(request)

    async def call(_, body):
        order.append("calls")
        return result(body, content=[])

    async def roots(_):
        return {"roots": []}

    server = Server(call, modern=False)
    server.session, server.get = "s1", get
    async with talking(server, handlers=Handlers(roots=roots)) as client:
        await client.call_tool("t")
    assert order == ["listens", "calls"]


async def test_nobody_listening_is_a_closed_connection():
    async with running(Server(never, modern=True)) as url:
        pass
    with pytest.raises(ConnectionClosed, match=r"127\.0\.0\.1"):
        async with connect(url, ClientSettings()):
            pass


# Answers ----------------------------------------------------------------------------------------


async def test_an_answer_may_be_a_stream_with_news_before_it():
    async def call(request, body):
        response = await stream(request)
        token = body["params"]["_meta"]["progressToken"]
        await response.write(b": keep alive\r\n")
        await response.write(b"event: ping\r\ndata: 2026-01-01\r\n\r\n")
        progress = {"method": "notifications/progress", "params": {"progressToken": token, "progress": 1}}
        await response.write(event(progress, id="1"))
        await response.write(event({"id": body["id"], "result": {"content": ["streamed"]}}))
        return response

    steps = []
    async with talking(Server(call, modern=True)) as client:
        answer = await client.call_tool("x", options=CallOptions(on_progress=steps.append))
    assert answer["content"] == ["streamed"]
    assert [step.progress for step in steps] == [1]


@pytest.mark.parametrize(
    ("response", "failure"),
    [
        ({"status": 200, "text": "<html>"}, InvalidAnswer),
        ({"status": 202}, HttpRefused),
        ({"status": 200, "text": '{"jsonrpc":"2.0","id":"other","result":{}}'}, InvalidAnswer),
        ({"status": 502, "text": "Bad Gateway"}, HttpRefused),
        ({"status": 307, "headers": {"Location": "http://elsewhere.invalid/"}}, HttpRefused),
    ],
    ids=["no json", "202", "another's answer", "502", "a redirect"],
)
async def test_what_is_no_answer_is_named(response, failure):
    async def call(request, body):
        return web.Response(**response)

    async with talking(Server(call, modern=True)) as client:
        with pytest.raises(failure):
            await client.call_tool("x")


async def test_an_error_in_the_body_of_a_4xx_is_the_servers_answer():
    async def call(request, body):
        return error(body, -32021, 400, requiredCapabilities={"sampling": {}})

    async with talking(Server(call, modern=True)) as client:
        with pytest.raises(RequestFailed) as caught:
            await client.call_tool("x")
    assert caught.value.data == {"requiredCapabilities": {"sampling": {}}}


async def test_a_modern_stream_that_breaks_is_a_closed_connection():
    async def call(request, body):
        response = await stream(request)
        await response.write(event({"method": "notifications/message", "params": {}}, id="1"))
        return response

    server = Server(call, modern=True)
    async with talking(server) as client:
        with pytest.raises(ConnectionClosed, match="before the answer"):
            await client.call_tool("x")
    assert "GET" not in [verb for verb, *_ in server.seen]


# Cancellation -----------------------------------------------------------------------------------


async def test_a_modern_timeout_closes_the_stream_and_sends_nothing():
    closed = anyio.Event()

    async def call(request, body):
        response = await stream(request)
        try:
            await anyio.sleep_forever()
        finally:
            closed.set()
        return response

    server = Server(call, modern=True)
    async with talking(server) as client:
        with pytest.raises(RequestTimeout):
            await client.call_tool("slow", options=CallOptions(timeout=0.05))
        await closed.wait()
        await client.ping()
    assert not server.posted("notifications/cancelled")


async def test_a_legacy_timeout_posts_a_cancellation():
    async def call(request, body):
        await anyio.sleep_forever()

    server = Server(call, modern=False)
    async with talking(server) as client:
        with pytest.raises(RequestTimeout):
            await client.call_tool("slow", options=CallOptions(timeout=0.05))
    call_id = server.posted("tools/call")[0][1]["id"]
    assert [body["params"]["requestId"] for _, body in server.posted("notifications/cancelled")] == [call_id]


# Headers of tools -------------------------------------------------------------------------------


def tool(name: str, **properties: Json) -> Json:
    return {"name": name, "inputSchema": {"type": "object", "properties": properties}}


async def test_arguments_are_mirrored_where_the_tool_says_so_and_have_a_value():
    async def call(request, body):
        return result(body, content=[])

    server = Server(call, modern=True)
    server.tools = [
        tool(
            "query",
            region={"type": "string", "x-mcp-header": "Region"},
            dry={"type": "boolean", "x-mcp-header": "Dry"},
            limit={"type": "integer", "x-mcp-header": "Limit"},
            zone={"type": "string", "x-mcp-header": "Zone"},
        )
    ]
    async with talking(server) as client:
        await client.list_tools()
        await client.call_tool("query", {"region": " \u00e4", "dry": False, "limit": 7, "zone": None})
        with pytest.raises(NotOffered, match="beyond the integers"):
            await client.call_tool("query", {"limit": 2**60})
    (headers, _), *_ = server.posted("tools/call")
    mirrored = {name: value for name, value in headers.items() if name.startswith("mcp-param-")}
    assert mirrored == {
        "mcp-param-region": "=?base64?IMOk?=",
        "mcp-param-dry": "false",
        "mcp-param-limit": "7",
    }


async def test_a_tool_with_a_bad_annotation_is_left_out_and_the_others_stay(caplog):
    server = Server(never, modern=True)
    server.tools = [tool("bad", x={"type": "number", "x-mcp-header": "X"}), tool("good")]
    async with talking(server) as client:
        assert [each["name"] for each in await client.list_tools()] == ["good"]
    assert "left out the tool bad" in caplog.text


async def test_after_a_header_mismatch_the_tools_are_read_again_and_the_call_is_repeated():
    async def call(request, body):
        if "mcp-param-region" not in request.headers:
            return error(body, -32020, 400)
        return result(body, content=["ok"])

    server = Server(call, modern=True)
    server.tools = [tool("query", region={"type": "string", "x-mcp-header": "Region"})]
    async with talking(server) as client:
        assert (await client.call_tool("query", {"region": "eu"}))["content"] == ["ok"]


# Sessions, resumption, the server's own stream --------------------------------------------------


async def test_the_session_id_goes_with_every_request_and_is_ended_by_delete():
    server = Server(never, modern=False)
    server.session = "s-1"
    async with talking(server) as client:
        await client.ping()
    assert "mcp-session-id" not in server.posted("initialize")[0][0]
    assert "mcp-protocol-version" not in server.posted("initialize")[0][0]
    for verb, headers, body in server.seen:
        if body.get("method") not in ("server/discover", "initialize"):
            assert headers["mcp-session-id"] == "s-1", (verb, body)
            assert headers["mcp-protocol-version"] == "2025-11-25"
    assert "DELETE" in [verb for verb, *_ in server.seen]


async def test_a_lost_session_is_begun_anew_once_for_all_that_notice():
    async def call(request, body):
        return result(body, content=[body["params"]["name"]])

    server = Server(call, modern=False)
    server.session = "s-1"
    names = []

    async def ask(client, name):
        names.extend((await client.call_tool(name))["content"])

    async with talking(server) as client:
        server.session = "s-2"
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask, client, "a")
            tasks.start_soon(ask, client, "b")
    assert sorted(names) == ["a", "b"]
    assert len(server.posted("initialize")) == 2
    ids = [body["id"] for _, body in server.posted("tools/call")]
    assert len(ids) == len(set(ids))


async def test_a_list_whose_session_is_lost_is_read_again_from_its_beginning():
    async def resources(_, body):
        if "cursor" in body.get("params", {}):
            return result(body, resources=[{"name": "b"}])
        if server.session == "s-1":
            server.session = "s-2"
        return result(body, resources=[{"name": "a"}], nextCursor="more")

    server = Server(resources, modern=False)
    server.session = "s-1"
    async with talking(server) as client:
        assert [resource["name"] for resource in await client.list_resources()] == ["a", "b"]
    asked = [
        (headers["mcp-session-id"], body.get("params", {}).get("cursor"))
        for headers, body in server.posted("resources/list")
    ]
    assert asked == [("s-1", None), ("s-1", "more"), ("s-2", None), ("s-2", "more")]


async def test_a_new_session_resumes_no_stream_of_the_old_one():
    opened, renewed = anyio.Event(), anyio.Event()
    cursors = []

    async def call(request, body):
        return result(body, content=[])

    async def get(request):
        session = request.headers["mcp-session-id"]
        cursors.append((session, request.headers.get("Last-Event-ID")))
        response = await stream(request)
        await response.write(event(id="e-1", retry=1))
        opened.set()
        await renewed.wait()
        if session == "s-2":
            again.set()
            await anyio.sleep_forever()
        return response

    again = anyio.Event()
    server = Server(call, modern=False)
    server.session, server.get = "s-1", get
    async with talking(server) as client:
        await opened.wait()
        server.session = "s-2"
        await client.call_tool("x")
        renewed.set()
        await again.wait()
    assert cursors == [("s-1", None), ("s-2", None)]


async def test_a_stream_that_closes_early_is_resumed_after_the_pause_it_asked_for():
    wanted: list[Any] = []
    times = []

    async def call(request, body):
        wanted.append(body["id"])
        response = await stream(request)
        await response.write(event(id="e-1", retry=30))
        times.append(time.monotonic())
        return response

    async def get(request):
        if "Last-Event-ID" not in request.headers:
            return web.Response(status=405)
        times.append(time.monotonic())
        assert request.headers["Last-Event-ID"] == "e-1"
        response = await stream(request)
        await response.write(event({"id": wanted[0], "result": {"content": ["resumed"]}}, id="e-2"))
        return response

    server = Server(call, modern=False)
    server.get = get
    async with talking(server) as client:
        assert (await client.call_tool("x"))["content"] == ["resumed"]
    assert times[1] - times[0] >= 0.03


async def test_a_stream_that_brings_nothing_is_given_up():
    async def call(request, body):
        response = await stream(request)
        await response.write(event(id="e-1", retry=0))
        return response

    server = Server(call, modern=False)
    server.get = lambda request: call(request, {})
    async with talking(server) as client:
        with pytest.raises(ConnectionClosed, match="before the answer"):
            await client.call_tool("x")


async def test_the_servers_own_stream_carries_its_questions_and_news():
    answered = anyio.Event()

    class Asking(Server):
        def _legacy_answer(self, body, headers):
            if body.get("id") == "q":
                answers.append(body["result"])
                answered.set()
            return super()._legacy_answer(body, headers)

    async def get(request):
        assert request.headers["Accept"] == "text/event-stream"
        response = await stream(request)
        await response.write(event({"method": "notifications/tools/list_changed"}))
        await response.write(event({"id": "q", "method": "roots/list"}))
        await anyio.sleep_forever()

    async def roots(_):
        return {"roots": []}

    answers: list[Json] = []
    heard = []
    server = Asking(never, modern=False)
    server.get = get
    async with talking(server, handlers=Handlers(roots=roots), on_notification=heard.append):
        await answered.wait()
    assert answers == [{"roots": []}]
    assert [notification.method for notification in heard] == ["notifications/tools/list_changed"]


async def test_a_question_on_the_stream_of_a_call_is_answered_by_a_post():
    async def elicit(params):
        return {"action": "decline"}

    answered = anyio.Event()

    class Asking(Server):
        def _legacy_answer(self, body, headers):
            if body.get("id") == "q":
                answered.set()
            return super()._legacy_answer(body, headers)

    async def call(request, body):
        response = await stream(request)
        await response.write(event({"id": "q", "method": "elicitation/create", "params": {"message": "?"}}))
        await answered.wait()
        await response.write(event({"id": body["id"], "result": {"content": ["done"]}}))
        return response

    async with talking(Asking(call, modern=False), handlers=Handlers(elicitation=elicit)) as client:
        assert (await client.call_tool("x"))["content"] == ["done"]


async def test_a_batch_answers_where_the_revision_has_batches():
    async def call(request, body):
        news = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": 1}}
        return web.json_response([news, {"jsonrpc": "2.0", "id": body["id"], "result": {"content": ["batched"]}}])

    server = Server(call, modern=False)
    server.version = "2025-03-26"
    async with talking(server) as client:
        assert client.revision is R2025_03_26
        assert (await client.call_tool("x"))["content"] == ["batched"]
    assert "mcp-protocol-version" not in server.posted("tools/call")[0][0]


# Subscriptions ----------------------------------------------------------------------------------


async def test_a_subscription_is_one_long_post_and_leaving_it_closes_the_stream():
    closed = anyio.Event()

    async def call(request, body):
        assert body["method"] == "subscriptions/listen"
        response = await stream(request)
        meta = {"_meta": {SUBSCRIPTION_ID: body["id"]}}
        accepted = {"method": "notifications/subscriptions/acknowledged", "params": {**meta, "notifications": {}}}
        await response.write(event(accepted))
        await response.write(event({"method": "notifications/tools/list_changed", "params": meta}))
        try:
            await anyio.sleep_forever()
        finally:
            closed.set()
        return response

    async with talking(Server(call, modern=True)) as client:
        async with client.listen(Filter(tools=True)) as changes:
            assert changes.accepted == {}
            assert (await anext(changes)).method == "notifications/tools/list_changed"
        await closed.wait()


# Under strain -----------------------------------------------------------------------------------


async def test_a_call_that_hangs_holds_up_no_other():
    released = anyio.Event()

    async def call(request, body):
        if body["params"]["name"] == "slow":
            await released.wait()
        return result(body, resultType="complete", content=[body["params"]["name"]])

    async with talking(Server(call, modern=True)) as client, anyio.create_task_group() as tasks:
        tasks.start_soon(client.call_tool, "slow")
        for _ in range(50):
            assert (await client.call_tool("fast"))["content"] == ["fast"]
        released.set()


@pytest.mark.parametrize("modern", [True, False])
async def test_calls_given_up_leave_neither_tasks_nor_connections(modern):
    async def call(request, body):
        if body["params"]["name"] == "slow":
            await anyio.sleep_forever()
        return result(body, resultType="complete", content=[])

    server = Server(call, modern=modern)
    async with talking(server) as client:
        await client.call_tool("fast")
        before = len(asyncio.all_tasks())
        for _ in range(20):
            with anyio.move_on_after(0.002):
                await client.call_tool("slow")
            await client.call_tool("fast")
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        serving = [task for task in asyncio.all_tasks() if "web_protocol" in repr(task.get_coro())]
        assert len(asyncio.all_tasks()) - len(serving) <= before
        assert len(client._requester.caller._watched) == 0
        assert len(client._requester.caller.wire._endpoint._http._open) <= 3


async def test_an_answer_that_is_compressed_unasked_is_named():
    async def call(request, body):
        return web.Response(body=b"\x1f\x8b\x08", headers={"Content-Encoding": "gzip"})

    async with talking(Server(call, modern=True)) as client:
        with pytest.raises(InvalidAnswer, match="gzip"):
            await client.call_tool("x")


async def test_what_was_subscribed_to_ends_with_a_lost_session():
    async def call(request, body):
        return result(body)

    server = Server(call, modern=False)
    server.session = "s-1"
    async with talking(server) as client, client.listen(Filter(uris=("x://y",))) as news:
        server.session = "s-2"
        await client.ping()
        with pytest.raises(SessionLost, match="listen again"):
            await anext(news)


async def test_a_failure_of_the_server_does_not_end_its_own_stream(monkeypatch):
    async def get(request):
        statuses.append(request.method)
        if len(statuses) == 1:
            return web.Response(status=503)
        response = await stream(request)
        await response.write(event({"method": "notifications/message", "params": {}}))
        await heard.wait()
        return response

    monkeypatch.setattr(event_stream, "_PAUSE", 0.001)
    statuses, heard = [], anyio.Event()
    server = Server(never, modern=False)
    server.get = get
    async with talking(server, on_notification=lambda _: heard.set()):
        await heard.wait()


async def test_a_failing_store_of_tokens_does_not_keep_the_connection_from_closing():
    class Failing:
        generation = 0
        broken = False

        async def headers(self, *_):
            if self.broken:
                raise AuthorizationFailed("the file cannot be read")
            return {}

        def noted(self, *_):
            pass

    server, authorizer = Server(never, modern=False), Failing()
    server.session = "s-1"
    async with talking(server, authorizer=authorizer):
        authorizer.broken = True
