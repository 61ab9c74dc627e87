"""The HTTP face: guards, media types, and the two eras on one endpoint."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from reference_impl.protocol.messages import encode_json
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.auth import BearerTokens
from reference_impl.server.http import posts, streams
from reference_impl.servers.everything import make_server

pytestmark = pytest.mark.anyio
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ECHO = {"name": "echo", "arguments": {"text": "hi"}}
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
MODERN = {"mcp-protocol-version": "2026-07-28"}


def modern(method, params):
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": META}}
    return body, MODERN | {"mcp-method": method, "mcp-name": params["name"]}


async def test_health_and_capabilities_are_plain_json(web):
    health = await web.send("GET", path="/health")
    assert (health.status, health.json["status"]) == (200, "ok")
    capabilities = await web.send("GET", path="/capabilities")
    assert "tools" in capabilities.json["capabilities"]
    assert (await web.send("POST", path="/health")).status == 405
    assert (await web.send("GET", path="/nowhere")).status == 404


@pytest.mark.parametrize("path", ["/mcp", "/mcp/"])
async def test_the_endpoint_answers_with_and_without_a_final_slash(web, path):
    reply = await web.send(body={"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"_meta": META}}, path=path)
    assert reply.status == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost.evil.example"}, 403),
        ({"host": "evil.example"}, 403),
        ({"host": None}, 403),
        ({"origin": "http://localhost:3000"}, 200),
        ({"origin": "http://127.0.0.1:6274", "host": "localhost:8000"}, 200),
        ({"host": "[::1]:8000"}, 200),
    ],
)
@pytest.mark.parametrize("path", ["/mcp", "/health"])
async def test_strangers_hosts_and_origins_are_kept_out(web, headers, status, path):
    if path == "/health":
        assert (await web.send("GET", path=path, headers=headers)).status == status
    else:
        assert (await web.modern("tools/list", headers=headers)).status == status


async def test_listed_hosts_and_origins_are_let_in(web_of):
    options = HttpOptions(frozenset({"mcp.example"}), frozenset({"https://app.example"}))
    web = web_of(MCPApplication(make_server(), options=options))
    headers = {"host": "mcp.example", "origin": "https://app.example"}
    assert (await web.modern("tools/list", headers=headers)).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/json; charset=utf-8"}, 200),
        ({"content-type": "Application/JSON"}, 200),
        ({"content-type": None}, 200),
        ({"accept": "text/html"}, 406),
        ({"accept": "*/*"}, 200),
        ({"accept": "text/event-stream, application/json"}, 200),
        ({"accept": "application/json;q=0.9, text/event-stream;q=0.1"}, 200),
        ({"accept": "application/json"}, 200),
        ({"accept": None}, 200),
    ],
)
async def test_media_types_are_read_as_http_reads_them(web, headers, status):
    assert (await web.modern("tools/call", ECHO, headers=headers)).status == status


async def test_a_client_that_takes_only_streams_gets_one(web):
    reply = await web.modern("tools/call", ECHO, headers={"accept": "text/event-stream"})
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.messages[0]["result"]["content"][0]["text"] == "hi"


async def test_a_client_that_takes_no_streams_gets_an_object_without_notifications(web):
    call = {"name": "slow", "arguments": {"seconds": 0, "steps": 2}}
    reply = await web.modern("tools/call", call, headers={"accept": "application/json"}, progressToken=1)
    assert reply.json["result"]["content"][0]["text"] == "Took 0 s"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff", -32700),
        (b"[]", -32602),
        (b"7", -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","method":"notifications/x","params":[]}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', -32600),
    ],
)
async def test_bodies_that_are_no_message_are_bad_requests(web, body, code):
    reply = await web.send(body=body)
    assert (reply.status, reply.json["error"]["code"]) == (400, code)
    assert "id" not in reply.json


async def test_a_body_over_the_limit_is_refused(web_of):
    web = web_of(MCPApplication(make_server(), options=HttpOptions(largest_body=100)))
    assert (await web.send(body=b"x" * 101)).status == 413


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "HEAD"])
async def test_other_http_methods_are_not_allowed(web, method):
    reply = await web.send(method)
    assert reply.status == 405
    assert "POST" in reply.headers["allow"]


async def test_a_modern_request_is_answered_with_one_object_and_no_session(web):
    reply = await web.modern("tools/call", ECHO, headers={"mcp-session-id": "ignored", "last-event-id": "1-1"})
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert "mcp-session-id" not in reply.headers
    assert reply.json["result"]["content"][0]["text"] == "hi"


async def test_a_modern_request_with_more_to_say_is_answered_with_a_stream(web):
    call = {"name": "slow", "arguments": {"seconds": 0.02, "steps": 2}}
    reply = await web.modern("tools/call", call, progressToken="p")
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.headers["x-accel-buffering"] == "no"
    assert [message.get("method", "answer") for message in reply.messages] == ["notifications/progress"] * 2 + [
        "answer"
    ]
    assert all(event.id is None for event in reply.events)


@pytest.mark.parametrize(
    ("method", "params", "status", "code"),
    [
        ("no/such", {}, 404, -32601),
        ("initialize", {}, 404, -32601),
        ("ping", {}, 404, -32601),
        ("tools/call", {"name": "test_missing_capability"}, 400, -32021),
        ("tools/call", {"name": "nobody"}, 200, -32602),
        ("resources/read", {"uri": "test://nobody"}, 200, -32602),
    ],
)
async def test_modern_errors_have_their_status(web, method, params, status, code):
    reply = await web.modern(method, params)
    assert (reply.status, reply.json["error"]["code"], reply.json["id"]) == (status, code, 1)


@pytest.mark.parametrize("meta", [None, {}, {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}])
async def test_missing_metadata_is_a_bad_request(web, meta):
    params = {} if meta is None else {"_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params}
    reply = await web.send(body=body, headers=MODERN | {"mcp-method": "tools/list"})
    assert (reply.status, reply.json["error"]["code"]) == (400, -32602)


@pytest.mark.parametrize(
    "headers",
    [
        {"mcp-protocol-version": None},
        {"mcp-protocol-version": "2025-11-25"},
        {"mcp-protocol-version": "nonsense"},
        {"mcp-method": None},
        {"mcp-method": "tools/list"},
        {"mcp-method": "TOOLS/CALL"},
        {"mcp-name": None},
        {"mcp-name": "fail"},
        {"mcp-name": "=?base64?ZmFpbA==?="},
        {"mcp-name": "=?base64?%%%?="},
        {"mcp-name": "éch"},
    ],
)
async def test_headers_that_contradict_the_body_are_refused_and_nothing_runs(web, headers):
    reply = await web.modern("tools/call", ECHO, headers=headers)
    assert (reply.status, reply.json["error"]["code"]) == (400, -32020)


@pytest.mark.parametrize(
    "headers", [{"mcp-name": "=?base64?ZWNobw==?="}, {"mcp-name": "echo  "}, {"mcp-method": " tools/call"}]
)
async def test_headers_are_decoded_and_stripped_before_they_are_compared(web, headers):
    assert (await web.modern("tools/call", ECHO, headers=headers)).status == 200


async def test_a_version_that_is_not_served_is_a_bad_request_with_those_that_are(web):
    meta = {"io.modelcontextprotocol/protocolVersion": "1900-01-01"}
    reply = await web.modern("tools/list", headers={"mcp-protocol-version": "1900-01-01"}, **meta)
    assert (reply.status, reply.json["error"]["code"]) == (400, -32022)
    assert "2026-07-28" in reply.json["error"]["data"]["supported"]


@pytest.mark.parametrize(
    ("arguments", "headers", "status"),
    [
        ({"region": "us"}, {"mcp-param-region": "us"}, 200),
        ({"region": "us"}, {"Mcp-Param-Region": "us"}, 200),
        ({"region": "ü"}, {"mcp-param-region": "=?base64?w7w=?="}, 200),
        ({"region": "us"}, {}, 400),
        ({"region": "us"}, {"mcp-param-region": "eu"}, 400),
        ({"region": "ü"}, {"mcp-param-region": "ü"}, 400),
        ({}, {"mcp-param-region": "us"}, 400),
        ({}, {}, 200),
        ({"region": None}, {}, 200),
        ({"region": "us", "shard": 42}, {"mcp-param-region": "us", "mcp-param-shard": "42.0"}, 200),
        ({"region": "us", "shard": 42}, {"mcp-param-region": "us"}, 400),
        ({"region": "us", "dry": True}, {"mcp-param-region": "us", "mcp-param-dry": "true"}, 200),
    ],
)
async def test_parameters_are_compared_with_their_headers(web, arguments, headers, status):
    reply = await web.modern("tools/call", {"name": "route", "arguments": arguments}, headers=headers)
    assert reply.status == status


async def test_modern_notifications_are_accepted_and_responses_are_not(web):
    cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    reply = await web.send(body=cancelled, headers=MODERN)
    assert (reply.status, reply.body) == (202, b"")
    assert "content-type" not in reply.headers
    assert (await web.send(body={"jsonrpc": "2.0", "id": 1, "result": {}}, headers=MODERN)).status == 400


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_the_modern_era_has_only_post(web, method):
    assert (await web.send(method, headers=MODERN)).status == 405


async def test_disconnecting_cancels_a_modern_request(web_of):
    server, ended = AdvancedMCPServer("s"), asyncio.Event()

    @server.tool("wait")
    async def wait(context) -> str:
        context.progress(1)
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()
        return ""

    web = web_of(MCPApplication(server))
    reply = await web.open_modern("tools/call", {"name": "wait"}, progressToken=1)
    assert (await reply.message())["method"] == "notifications/progress"
    reply.disconnect()
    await asyncio.wait_for(ended.wait(), 5)


async def test_disconnecting_cancels_a_modern_request_that_has_said_nothing_yet():
    server, began, ended = AdvancedMCPServer("s"), asyncio.Event(), asyncio.Event()

    @server.tool("wait")
    async def wait() -> str:
        began.set()
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()
        return ""

    body, headers = modern("tools/call", {"name": "wait"})
    messages = [{"type": "http.disconnect"}, {"type": "http.request", "body": encode_json(body)}]

    async def receive():
        if len(messages) == 1:
            await began.wait()
        return messages.pop()

    async def send(message):
        raise AssertionError(message)

    pairs = [(name.encode(), value.encode()) for name, value in ({"host": "localhost"} | headers).items()]
    await MCPApplication(server)({"type": "http", "method": "POST", "path": "/mcp", "headers": pairs}, receive, send)
    await asyncio.wait_for(ended.wait(), 5)


async def test_an_answer_that_takes_long_turns_into_a_stream_that_keeps_alive(web, monkeypatch):
    monkeypatch.setattr(posts, "_PATIENCE", 0.01)
    monkeypatch.setattr(streams, "KEEP_ALIVE", 0.01)
    reply = await web.modern("tools/call", {"name": "slow", "arguments": {"seconds": 0.05, "steps": 1}})
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.body.count(b":\r\n") >= 2
    assert reply.messages[0]["result"]["content"][0]["text"] == "Took 0.05 s"


async def test_a_listen_stream_over_http_lives_until_the_client_leaves(web):
    reply = await web.open_modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    assert (await reply.message())["method"] == "notifications/subscriptions/acknowledged"
    await web.modern("tools/call", {"name": "toggle_extra_tool"})
    assert (await reply.message())["method"] == "notifications/tools/list_changed"
    await reply.leave()
    await asyncio.sleep(0)
    assert not web.application.server.hub.subscriptions


async def test_closing_the_application_ends_listen_streams_gracefully(web):
    reply = await web.open_modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    await reply.message()
    web.application.close()
    assert (await reply.message())["method"] == "notifications/cancelled"
    assert (await reply.message())["result"]["resultType"] == "complete"
    assert await reply.event() is None


async def test_many_clients_may_use_one_request_id_at_once(web):
    calls = [{"name": "echo", "arguments": {"text": str(number)}} for number in range(50)]
    replies = await asyncio.gather(*[web.modern("tools/call", call) for call in calls])
    assert [reply.json["result"]["content"][0]["text"] for reply in replies] == [str(number) for number in range(50)]


async def test_bearer_tokens_name_the_principal_and_others_are_challenged(web_of):
    server = AdvancedMCPServer("s")

    @server.tool("who")
    async def who(context) -> str:
        return str(context.principal)

    guard = BearerTokens({"secret": "ann"}, "https://mcp.example/.well-known/oauth-protected-resource", "mcp")
    web = web_of(MCPApplication(server, authenticate=guard))
    reply = await web.modern("tools/call", {"name": "who"}, headers={"authorization": "Bearer secret"})
    assert reply.json["result"]["content"][0]["text"] == "ann"
    for value in (None, "Bearer wrong", "Basic secret", "Bearer"):
        reply = await web.modern("tools/call", {"name": "who"}, headers={"authorization": value})
        assert reply.status == 401
        assert 'resource_metadata="https://mcp.example' in reply.headers["www-authenticate"]
    assert (await web.send("GET", path="/health")).status == 200


async def test_an_application_may_be_mounted_below_another(web_of):
    application = MCPApplication(make_server())

    async def mounted(scope, receive, send):
        await application({**scope, "root_path": "/api", "path": "/api" + scope["path"]}, receive, send)

    assert (await web_of(mounted).modern("tools/list")).status == 200


@asynccontextmanager
async def noting(seen):
    seen.append("up")
    yield
    seen.append("down")


@asynccontextmanager
async def failing():
    raise RuntimeError("no database")
    yield


async def lived(application):
    messages, sent = [{"type": "lifespan.shutdown"}, {"type": "lifespan.startup"}], []

    async def receive():
        return messages.pop()

    async def send(message):
        sent.append(message)

    await application({"type": "lifespan"}, receive, send)
    return sent


async def test_a_lifespan_runs_around_the_application():
    seen = []
    sent = await lived(MCPApplication(AdvancedMCPServer("s", lifespan=lambda: noting(seen))))
    assert seen == ["up", "down"]
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_lifespan_that_fails_is_reported():
    sent = await lived(MCPApplication(AdvancedMCPServer("s", lifespan=failing)))
    assert sent == [{"type": "lifespan.startup.failed", "message": "no database"}]


async def test_without_a_lifespan_of_the_host_it_begins_with_the_first_request(web_of):
    seen = []
    web = web_of(MCPApplication(AdvancedMCPServer("s", lifespan=lambda: noting(seen))))
    await asyncio.gather(*[web.send("GET", path="/health") for _ in range(3)])
    assert seen == ["up"]


async def test_the_metadata_of_a_protected_resource_is_open_to_all(web_of):
    document = {"resource": "https://mcp.example/mcp", "authorization_servers": ["https://as.example"]}
    options = HttpOptions(resource_metadata=document)
    web = web_of(MCPApplication(make_server(), options=options, authenticate=BearerTokens({})))
    for path in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"):
        assert (await web.send("GET", path=path)).json == document
    assert (await web.send("GET", path="/.well-known/oauth-protected-resource/other")).status == 404
    assert (await web.send("GET", path="/capabilities")).status == 401
