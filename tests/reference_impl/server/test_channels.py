"""The conversations beside Streamable HTTP: HTTP with SSE, and WebSocket."""

import asyncio

import pytest

from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import HttpOptions, MCPApplication
from reference_impl.server.auth import BearerTokens

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

    def __init__(self, application, headers=None, path="/ws", subprotocols=()):
        self.to_server, self.to_client = asyncio.Queue(), asyncio.Queue()
        given = {"host": "127.0.0.1:8000"} | (headers or {})
        pairs = [(name.encode(), value.encode()) for name, value in given.items()]
        scope = {"type": "websocket", "path": path, "headers": pairs, "server": ("127.0.0.1", 8000)}
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

    async def leave(self):
        self.to_server.put_nowait({"type": "websocket.disconnect"})
        await asyncio.wait_for(self.task, 5)


@pytest.mark.parametrize(("offered", "chosen"), [((), None), (("mcp", "x"), "mcp"), (("x",), None)])
async def test_a_socket_speaks_mcp_if_the_client_does(application, offered, chosen):
    socket = Socket(application, subprotocols=offered)
    assert await socket.sent() == {"type": "websocket.accept", "subprotocol": chosen}
    await socket.leave()


async def test_messages_go_both_ways_over_a_socket(application):
    socket = Socket(application)
    await socket.sent()
    socket.send(text=encode_json(call("a")).decode())
    assert (await socket.message())["result"]["content"][0]["text"] == "None"
    socket.send(bytes=encode_json(call("b")), text=None)
    assert (await socket.message())["id"] == "b"
    socket.send(text="garbage")
    assert (await socket.message())["error"]["code"] == -32700
    await socket.leave()


async def test_closing_the_application_closes_sockets(application):
    socket = Socket(application)
    await socket.sent()
    application.close()
    assert await socket.sent() == {"type": "websocket.close", "code": 1001}
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
