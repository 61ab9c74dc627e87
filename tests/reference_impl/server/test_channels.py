"""The conversations beside Streamable HTTP: HTTP with SSE, and WebSocket."""

import asyncio
import math

import pytest

from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.protocol.sealing import Envelopes
from reference_impl.protocol.websocket_frames import FrameError
from reference_impl.security.sealing import SealKeys, new_key
from reference_impl.server import AdvancedMCPServer, stream
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.auth import BearerTokens
from reference_impl.server.channels import ChannelLimits, ServedChannel
from reference_impl.server.http import sse_channel

pytestmark = pytest.mark.anyio
BOTH = HttpOptions(http_sse=True, websocket=True)
EVENTS = {"accept": "text/event-stream"}
META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def who():
    server = AdvancedMCPServer("s")

    @server.tool("who")
    async def tool(context) -> str:
        return str(context.principal)

    return server


def call(identifier=1):
    params = {"name": "who", "_meta": META}
    return {"jsonrpc": "2.0", "id": identifier, "method": "tools/call", "params": params}


@pytest.fixture
async def application():
    application = MCPApplication(who(), options=BOTH)
    yield application
    application.close()


async def test_the_stream_of_2024_names_an_address_and_carries_the_answers(application, web_of):
    web = web_of(application)
    stream = await web.open("GET", headers=EVENTS, path="/sse")
    first = await stream.event()
    assert first.event == "endpoint"
    path, _, query = first.data.partition("?")
    reply = await web.send(body=call(), path=path, query=query)
    assert (reply.status, reply.body) == (202, b"")
    assert (await stream.message())["result"]["content"][0]["text"] == "None"
    await stream.leave()
    assert (await web.send(body=call(), path=path, query=query)).status == 404


async def test_the_address_leads_back_through_the_mount(web_of):
    inner = MCPApplication(who(), options=BOTH)

    async def mounted(scope, receive, send):
        await inner({**scope, "root_path": "/api", "path": "/api" + scope["path"]}, receive, send)

    stream = await web_of(mounted).open("GET", headers=EVENTS, path="/sse")
    assert (await stream.event()).data.startswith("/api/messages?session=")
    await stream.leave()


@pytest.mark.parametrize(
    ("path", "method", "query", "status"),
    [
        ("/messages", "POST", "", 404),
        ("/messages", "POST", "session=unknown", 404),
        ("/messages", "GET", "", 405),
        ("/sse", "POST", "", 405),
    ],
)
async def test_what_belongs_to_no_stream_is_refused(application, web_of, path, method, query, status):
    assert (await web_of(application).send(method, call(), path=path, query=query)).status == status


async def test_closing_the_application_ends_the_stream(application, web_of):
    stream = await web_of(application).open("GET", headers=EVENTS, path="/sse")
    await stream.event()
    application.close()
    assert await stream.event() is None


async def test_neither_is_there_unless_it_is_asked_for(web_of):
    web = web_of(MCPApplication(who()))
    assert (await web.send("GET", headers=EVENTS, path="/sse")).status == 404
    assert (await web.send("POST", call(), path="/messages")).status == 404
    socket = Socket(web.application)
    assert (await socket.sent())["type"] == "websocket.close"


class Socket:
    """A WebSocket without a network."""

    def __init__(self, application, headers=None, path="/ws", subprotocols=(), extensions=None):
        self.to_server, self.to_client = asyncio.Queue(), asyncio.Queue()
        given = {"host": "127.0.0.1:8000"} | (headers or {})
        pairs = [(name.encode(), value.encode()) for name, value in given.items()]
        scope = {"type": "websocket", "path": path, "headers": pairs, "server": ("127.0.0.1", 8000)}
        scope["extensions"] = extensions or {}
        self.to_server.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(
            application(scope | {"subprotocols": list(subprotocols)}, self.to_server.get, self.to_client.put)
        )

    async def sent(self):
        return await asyncio.wait_for(self.to_client.get(), 5)

    def send(self, **frame):
        self.to_server.put_nowait({"type": "websocket.receive", **frame})

    async def message(self):
        return decode_json((await self.sent())["text"])

    async def finished(self):
        await asyncio.wait_for(self.task, 5)

    async def leave(self):
        self.to_server.put_nowait({"type": "websocket.disconnect"})
        await asyncio.wait_for(self.task, 5)


@pytest.mark.parametrize(("offered", "chosen"), [((), None), (("mcp", "x"), "mcp")])
async def test_a_socket_speaks_mcp_if_the_client_does(application, offered, chosen):
    socket = Socket(application, subprotocols=offered)
    assert await socket.sent() == {"type": "websocket.accept", "subprotocol": chosen}
    await socket.leave()


async def test_messages_go_both_ways_over_a_socket(application):
    socket = Socket(application)
    await socket.sent()
    socket.send(text=encode_json(call("a")).decode())
    assert (await socket.message())["result"]["content"][0]["text"] == "None"
    socket.send(text="garbage")
    assert (await socket.message())["error"]["code"] == -32700
    await socket.leave()


async def test_closing_the_application_closes_sockets(application):
    socket = Socket(application)
    await socket.sent()
    application.close()
    assert await socket.sent() == {"type": "websocket.close", "code": 1001, "reason": ""}
    await socket.leave()


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}])
async def test_strangers_get_no_socket(application, headers):
    socket = Socket(application, headers)
    assert await socket.sent() == {"type": "websocket.close", "code": 1008}


async def test_principals_are_known_on_both(web_of):
    application = MCPApplication(who(), options=BOTH, authenticate=BearerTokens({"secret": "ann", "other": "eve"}))
    ann, eve = {"authorization": "Bearer secret"}, {"authorization": "Bearer other"}
    assert (await Socket(application).sent())["type"] == "websocket.close"
    socket = Socket(application, ann)
    await socket.sent()
    socket.send(text=encode_json(call()).decode())
    assert (await socket.message())["result"]["content"][0]["text"] == "ann"
    await socket.leave()
    web = web_of(application)
    stream = await web.open("GET", headers=EVENTS | ann, path="/sse")
    path, _, query = (await stream.event()).data.partition("?")
    assert (await web.send(body=call(), headers=eve, path=path, query=query)).status == 404
    await web.send(body=call(), headers=ann, path=path, query=query)
    assert (await stream.message())["result"]["content"][0]["text"] == "ann"
    await stream.leave()


async def test_a_client_that_speaks_another_subprotocol_is_refused(application):
    socket = Socket(application, subprotocols=["x"])
    assert await socket.sent() == {"type": "websocket.close", "code": 1008}


async def test_refusals_are_http_responses_where_the_asgi_server_can_send_them(application):
    socket = Socket(application, subprotocols=["x"], extensions={"websocket.http.response": {}})
    start, body = await socket.sent(), await socket.sent()
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 400)
    assert b"mcp" in body["body"]
    authorized = MCPApplication(who(), options=BOTH, authenticate=BearerTokens({"secret": "ann"}))
    start = await Socket(authorized, extensions={"websocket.http.response": {}}).sent()
    assert start["status"] == 401
    assert (b"www-authenticate", b"Bearer") in start["headers"]


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"bytes": b"{}", "text": None}, 1003),
        ({"text": "x" * 2000}, 1009),
    ],
)
async def test_frames_that_are_no_messages_close_the_socket(frame, code):
    application = MCPApplication(who(), options=HttpOptions(websocket=True, largest_body=1000))
    socket = Socket(application)
    await socket.sent()
    socket.send(**frame)
    assert (await socket.sent())["code"] == code
    await socket.finished()


async def test_a_client_that_says_nothing_is_let_go():
    socket = Socket(MCPApplication(who(), options=HttpOptions(websocket=True, opening_timeout=0)))
    await socket.sent()
    closed = await socket.sent()
    assert (closed["code"], closed["reason"]) == (1008, "nothing was said within 0 s")
    await socket.finished()


async def test_a_client_that_reads_nothing_holds_nothing_but_itself_up():
    limits = ChannelLimits(unread=1000, most_unread=1_000_000)
    near, far = Endless(), Endless()
    slow = ServedChannel(who(), near, limits=limits)
    serving = asyncio.ensure_future(slow.run())
    for _ in range(100):
        near.incoming.put_nowait(encode_json(call()))
    await near.stuck.wait()
    assert near.incoming.qsize() > 0  # nothing more is read from it
    quick = ServedChannel(who(), far, limits=limits)
    other = asyncio.ensure_future(quick.run())
    far.room.set()
    far.incoming.put_nowait(encode_json(call()))
    assert decode_json(await asyncio.wait_for(far.sent.get(), 5))["id"] == 1
    for task in (serving, other):
        task.cancel()
    await asyncio.gather(serving, other, return_exceptions=True)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (ChannelLimits(stalled=0), "a message was not read within 0 s"),
        (ChannelLimits(unread=10_000_000, most_unread=2_000), "more than 2000 bytes were left unread"),
    ],
)
async def test_a_client_that_falls_too_far_behind_is_let_go(limits, reason):
    channel = Endless()
    served = ServedChannel(who(), channel, limits=limits)
    serving = asyncio.ensure_future(served.run())
    for _ in range(100):
        channel.incoming.put_nowait(encode_json(call()))
    await channel.stuck.wait()
    for _ in range(1000):
        await asyncio.sleep(0)  # all that it asked for is answered
    channel.room.set()
    with pytest.raises(FrameError, match=reason):
        await asyncio.wait_for(serving, 5)


async def test_more_requests_than_may_run_at_once_are_answered_with_an_error(monkeypatch):
    monkeypatch.setattr(stream, "MOST_RUNNING", 2)
    server = AdvancedMCPServer("s")

    @server.tool("wait")
    async def wait() -> None:
        await asyncio.Event().wait()

    channel = Endless()
    channel.room.set()
    served = ServedChannel(server, channel)
    serving = asyncio.ensure_future(served.run())
    for number in range(3):
        params = {"name": "wait", "_meta": META}
        channel.incoming.put_nowait(
            encode_json({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})
        )
    answer = decode_json(await asyncio.wait_for(channel.sent.get(), 5))
    assert (answer["id"], answer["error"]["code"]) == (2, -32603)
    assert "Too many requests" in answer["error"]["message"]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_who_does_not_read_the_stream_of_2024_can_post_no_more(web_of, monkeypatch):
    monkeypatch.setattr(sse_channel, "_PATIENCE", 0)
    application = MCPApplication(who(), options=BOTH)
    application._sse._limits = ChannelLimits(opening=math.inf, unread=-1)
    web = web_of(application)
    stream = await web.open("GET", headers=EVENTS, path="/sse")
    path, _, query = (await stream.event()).data.partition("?")
    reply = await web.send(body=call(), path=path, query=query)
    assert (reply.status, reply.json["error"]["message"]) == (503, "Too many messages unread: read the event stream")
    await stream.leave()


async def test_one_message_may_be_larger_than_what_may_lie_unread():
    channel = Endless()
    channel.room.set()
    served = ServedChannel(who(), channel, limits=ChannelLimits(unread=10, most_unread=20))
    serving = asyncio.ensure_future(served.run())
    for number in range(3):
        channel.incoming.put_nowait(encode_json(call(number)))
        assert decode_json(await asyncio.wait_for(channel.sent.get(), 5))["id"] == number
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


class Endless:
    """A channel whose client never leaves, and reads when `room` is set."""

    def __init__(self):
        self.incoming, self.sent = asyncio.Queue(), asyncio.Queue()
        self.room, self.stuck = asyncio.Event(), asyncio.Event()

    async def receive(self):
        return await self.incoming.get()

    async def send(self, message):
        self.stuck.set()
        await self.room.wait()
        self.sent.put_nowait(message)

    async def aclose(self):
        raise AssertionError("nobody asked for it")


async def test_sealed_sockets_take_sealed_messages_alone():
    keys = SealKeys([new_key()])
    application = MCPApplication(who(), options=HttpOptions(websocket=True, seal=keys))
    socket = Socket(application)
    await socket.sent()
    envelopes = Envelopes(keys, "client", b"n" * 16)
    socket.send(text=envelopes.hello().decode())
    envelopes.greeted((await socket.sent())["text"].encode())
    socket.send(text=envelopes.seal(encode_json(call("a"))).decode())
    assert decode_json(envelopes.open((await socket.sent())["text"].encode()))["id"] == "a"
    socket.send(text=encode_json(call("b")).decode())
    closed = await socket.sent()
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
    assert "plain messages" in closed["reason"]
    await socket.finished()


async def test_a_plain_client_of_a_sealed_socket_gets_no_answer_in_plain_text():
    application = MCPApplication(who(), options=HttpOptions(websocket=True, seal=SealKeys([new_key()])))
    socket = Socket(application)
    await socket.sent()
    socket.send(text=encode_json(call()).decode())
    closed = await socket.sent()
    assert (closed["type"], closed["code"]) == ("websocket.close", 1008)
    await socket.finished()


async def test_channels_are_counted_and_given_back(web_of):
    application = MCPApplication(who(), options=HttpOptions(websocket=True, http_sse=True, most_channels=1))
    first = Socket(application)
    await first.sent()
    reply = await web_of(application).send("GET", headers=EVENTS, path="/sse")
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    listening = {"jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": {"_meta": META}}
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen"}
    assert (await web_of(application).send(body=listening, headers=headers)).status == 503
    assert (await Socket(application).sent())["type"] == "websocket.close"
    await first.leave()
    second = Socket(application)
    assert (await second.sent())["type"] == "websocket.accept"
    await second.leave()


async def test_one_principal_cannot_take_the_channels_of_others():
    options = HttpOptions(websocket=True, most_channels_each=1)
    application = MCPApplication(who(), options=options, authenticate=BearerTokens({"secret": "ann", "other": "eve"}))
    ann, eve = {"authorization": "Bearer secret"}, {"authorization": "Bearer other"}
    sockets = [Socket(application, headers) for headers in (eve, eve, ann)]
    assert [(await socket.sent())["type"].rpartition(".")[2] for socket in sockets] == ["accept", "close", "accept"]
    for socket in (sockets[0], sockets[2]):
        await socket.leave()


async def test_the_subject_of_a_verified_certificate_is_the_principal(application):
    certified = {"tls": {"client_cert_name": "CN=ann"}}
    socket = Socket(application, extensions=certified)
    await socket.sent()
    socket.send(text=encode_json(call()).decode())
    assert (await socket.message())["result"]["content"][0]["text"] == "CN=ann"
    await socket.leave()
    guarded = MCPApplication(who(), options=BOTH, authenticate=BearerTokens({"secret": "ann"}))
    assert (await Socket(guarded, extensions=certified).sent())["type"] == "websocket.close"
