"""The transport of 2024-11-05 against servers that are a few lines each: asked for by name, and fallen back to."""

import asyncio
import json
from contextlib import asynccontextmanager

import anyio
import pytest
from aiohttp import web

from reference_impl.client import (
    CallOptions,
    ClientSettings,
    ConnectionClosed,
    HttpRefused,
    InvalidAnswer,
    NoCommonRevision,
    RequestFailed,
    RequestTimeout,
    connect,
)
from reference_impl.protocol.revisions import R2026_07_28

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend():
    return "asyncio"


class Old:
    """A server of the old transport, at one address for both if `combined`; `refusal` is how it answers a POST to its
    stream, `first` what the stream begins with (None: nothing)."""

    def __init__(self, refusal=405, first=b"event: endpoint\ndata: /messages\n\n", version="2024-11-05"):
        self.refusal, self.first, self.version = refusal, first, version
        self.posts, self.headers, self.streams = [], [], []
        self.accepts, self.ends = 202, False
        self.body = "no"

    async def stream(self, request):
        self.headers.append(request.headers.copy())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        self.streams.append(response)
        if self.first is not None:
            await response.write(self.first)
        if not self.ends:
            await anyio.sleep_forever()
        return response

    async def refuse(self, _):
        return web.Response(status=self.refusal, text=self.body)

    async def message(self, request):
        message = await request.json()
        self.posts.append(message)
        self.headers.append(request.headers.copy())
        if self.accepts != 202:
            return web.Response(status=self.accepts, text="no")
        if "id" in message:
            await self.say(id=message["id"], result=self.result(message["method"]))
        return web.Response(status=202, text="Accepted")

    def result(self, method):
        if method == "initialize":
            return {"protocolVersion": self.version, "capabilities": {"tools": {}}, "serverInfo": {"name": "old"}}
        return {}

    async def say(self, **message):
        data = json.dumps({"jsonrpc": "2.0", **message})
        await self.streams[-1].write(f"event: message\r\ndata: {data}\r\n\r\n".encode())

    @property
    def methods(self):
        return [post["method"] for post in self.posts]


@asynccontextmanager
async def running(server):
    application = web.Application()
    application.router.add_get("/sse", server.stream)
    application.router.add_post("/sse", server.refuse)
    application.router.add_post("/messages", server.message)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        with anyio.fail_after(10):
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/sse"
    finally:
        await runner.cleanup()


async def test_the_handshake_needs_no_probe():
    async with running(server := Old()) as url, connect(f"sse+{url}", ClientSettings(headers={"X-Key": "1"})) as client:
        assert (client.revision.name, client.agreement.server_info) == ("2024-11-05", {"name": "old"})
        await client.ping()
    assert server.methods == ["initialize", "notifications/initialized", "ping"]
    assert all(headers["X-Key"] == "1" for headers in server.headers)
    assert server.headers[0]["Accept"] == "text/event-stream"


async def test_what_the_server_says_on_its_own_account_arrives():
    seen, told = [], anyio.Event()

    def note(notification):
        seen.append(notification.method)
        told.set()

    async with running(server := Old()) as url, connect(f"sse+{url}", ClientSettings(on_notification=note)):
        await server.say(method="notifications/tools/list_changed")
        await told.wait()
    assert seen == ["notifications/tools/list_changed"]


@pytest.mark.parametrize("status", [400, 404, 405])
@pytest.mark.parametrize(
    "body", ["no", '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Method not allowed"}}']
)
async def test_an_endpoint_that_refuses_initialize_is_asked_for_the_old_transport(status, body):
    server = Old(status)
    server.body = body
    async with running(server) as url, connect(url) as client:
        assert client.revision.name == "2024-11-05"
        await client.ping()


@pytest.mark.parametrize(("status", "error"), [(401, HttpRefused), (403, HttpRefused), (500, HttpRefused)])
async def test_other_refusals_ask_for_nothing(status, error):
    async with running(server := Old(status)) as url:
        with pytest.raises(error, match=str(status)):
            async with connect(url):
                pass
    assert server.streams == []


async def test_a_client_of_the_modern_era_alone_asks_for_nothing():
    async with running(server := Old()) as url:
        with pytest.raises((NoCommonRevision, HttpRefused)):
            async with connect(url, ClientSettings(revisions=(R2026_07_28,))):
                pass
    assert server.streams == []


@pytest.mark.parametrize(
    "first",
    [
        None,
        b"data: {}\n\n",
        b"event: endpoint\ndata: http://evil.example/messages\n\n",
        b"event: endpoint\ndata: //127.0.0.1:9/messages\n\n",
    ],
)
async def test_where_the_old_transport_is_not_there_either_the_first_refusal_stands(first):
    async with running(server := Old(404, first)) as url:
        with pytest.raises(HttpRefused, match="404"):
            async with connect(url, ClientSettings(probe_timeout=0.3)):
                pass
    assert server.posts == []


@pytest.mark.parametrize(
    ("first", "reason"),
    [
        (None, r"named no endpoint within 0\.3 s"),
        (b": comment\n\n", r"named no endpoint within 0\.3 s"),
        (b"data: {}\n\n", "names no endpoint"),
        (b"event: endpoint\ndata: http://evil.example/messages\n\n", "another origin"),
        (b"event: endpoint\ndata: http://127.0.0.1:9/messages\n\n", "another origin"),
    ],
)
async def test_a_stream_that_names_no_fit_endpoint_is_refused_in_time(first, reason):
    async with running(server := Old(first=first)) as url:
        with pytest.raises(InvalidAnswer, match=reason):
            async with connect(f"sse+{url}", ClientSettings(timeout=0.3)):
                pass
    assert server.posts == []


async def test_a_stream_that_ends_before_it_begins_is_refused():
    server = Old(first=None)
    server.ends = True
    async with running(server) as url:
        with pytest.raises(InvalidAnswer, match="ended before it named an endpoint"):
            async with connect(f"sse+{url}"):
                pass


async def test_what_is_no_stream_is_refused():
    async with running(Old()) as url:
        with pytest.raises(HttpRefused, match="404"):
            async with connect(f"sse+{url}/nothing"):
                pass
        with pytest.raises(HttpRefused, match="405"):
            async with connect(f"sse+{url.replace('/sse', '/messages')}"):
                pass


@pytest.mark.parametrize(("status", "error"), [(404, ConnectionClosed), (400, HttpRefused), (500, HttpRefused)])
async def test_a_message_that_is_not_taken_fails_its_request(status, error):
    async with running(server := Old()) as url, connect(f"sse+{url}") as client:
        server.accepts = status
        with pytest.raises(error, match=str(status)):
            await client.ping()


async def test_a_stream_that_ends_fails_what_waits():
    server = Old()

    async def ping():
        with pytest.raises(ConnectionClosed, match=r"event stream|closed the connection"):
            await client.ping()

    async with running(server) as url, connect(f"sse+{url}") as client:
        server.result = lambda _: None
        server.say = lambda **_: server.streams[-1].write_eof()
        await ping()
        await ping()


async def test_a_refusal_over_the_old_transport_is_the_requests_own():
    async with running(server := Old()) as url, connect(f"sse+{url}") as client:
        original = server.say

        async def refuse(**message):
            await original(id=message["id"], error={"code": -32601, "message": "none"})

        server.say = refuse
        with pytest.raises(RequestFailed, match="none"):
            await client.ping()


async def test_a_cancellation_that_is_refused_changes_nothing_about_the_timeout():
    class Refusing(Old):
        async def message(self, request):
            message = await request.json()
            if message["method"] == "tools/call":
                return web.Response(status=202)
            return web.Response(status=400) if "cancelled" in message["method"] else await super().message(request)

    async with running(Refusing()) as url, connect(f"sse+{url}") as client:
        with pytest.raises(RequestTimeout):
            await client.call_tool("slow", options=CallOptions(timeout=0.02))
        assert asyncio.current_task().cancelling() == 0
        await client.ping()
