"""Clients for tests: one speaks lines to `serve_stream` in memory, one speaks HTTP to `MCPApplication` without a
socket."""

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import pytest

from reference_impl.protocol.lines import LineReader
from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.protocol.sse import EventReader
from reference_impl.server import AdvancedMCPServer
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.stream import serve_stream
from reference_impl.servers.everything import make_server

PATIENCE = 5
VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"


def modern_meta(capabilities=None, **more):
    return {VERSION: "2026-07-28", CAPABILITIES: capabilities or {}, **more}


@pytest.fixture
def anyio_backend():
    return "asyncio"


class LineClient:
    """A client on a byte stream. `ask` sends a request and returns its answer; `seen` keeps everything else."""

    def __init__(self, send, receive):
        self._send = send
        self._receive = receive
        self._reader = LineReader()
        self._waiting = deque()
        self.seen = []
        self._ids = 0

    async def write(self, data):
        await self._send.send(data)

    async def send(self, message):
        await self.write(encode_json(message) + b"\n")

    async def receive(self):
        with anyio.fail_after(PATIENCE):
            while not self._waiting:
                self._waiting.extend(self._reader.feed(await self._receive.receive()))
            return decode_json(self._waiting.popleft())

    async def answer(self, identifier):
        while True:
            message = await self.receive()
            answers = message if isinstance(message, list) else [message]
            if any(item.get("id") == identifier and "method" not in item for item in answers):
                return message
            self.seen.append(message)

    async def ask(self, method, params=None, identifier=None):
        self._ids += 1
        identifier = f"t{self._ids}" if identifier is None else identifier
        await self.send({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params or {}})
        return await self.answer(identifier)

    async def notify(self, method, params=None):
        await self.send({"jsonrpc": "2.0", "method": method, "params": params or {}})

    async def fence(self):
        """Return once everything sent before has been dealt with; what came meanwhile is in `seen`."""
        await self.ask("ping")

    async def initialize(self, version="2025-11-25", capabilities=None):
        client = {"name": "test", "version": "1"}
        params = {"protocolVersion": version, "capabilities": capabilities or {}, "clientInfo": client}
        answer = await self.ask("initialize", params)
        await self.notify("notifications/initialized")
        return answer["result"]

    async def modern(self, method, params=None, capabilities=None, **meta):
        return await self.ask(method, {**(params or {}), "_meta": modern_meta(capabilities, **meta)})

    async def end(self):
        await self._send.aclose()


@asynccontextmanager
async def _lines(server):
    to_server, at_server = anyio.create_memory_object_stream(1000)
    to_client, at_client = anyio.create_memory_object_stream(100_000)
    async with to_server, at_server, to_client, at_client:
        serving = asyncio.ensure_future(serve_stream(server, at_server, to_client))
        yield LineClient(to_server, at_client)
        await to_server.aclose()
        await asyncio.wait_for(serving, PATIENCE)


@pytest.fixture
def over_lines():
    """Return a function that serves a server (the everything server if none is given) on a stream in memory."""
    return lambda server=None: _lines(server or make_server())


@dataclass
class Reply:
    """A whole response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return decode_json(self.body)

    @property
    def events(self):
        return EventReader().feed(self.body)

    @property
    def messages(self):
        return [decode_json(event.data) for event in self.events if event.data]


@dataclass
class OpenReply:
    """A response under way."""

    status: int
    headers: dict[str, str]
    chunks: asyncio.Queue
    gone: asyncio.Event
    task: asyncio.Future
    reader: EventReader = field(default_factory=EventReader)
    events: deque = field(default_factory=deque)

    async def event(self):
        """Return the next event; None at the end of the stream."""
        with anyio.fail_after(PATIENCE):
            while not self.events:
                chunk = await self.chunks.get()
                if chunk is None:
                    return None
                self.events.extend(self.reader.feed(chunk))
        return self.events.popleft()

    async def message(self):
        """Return the next event's message; events without data are skipped."""
        event = await self.event()
        while event is not None and not event.data:
            event = await self.event()
        return None if event is None else decode_json(event.data)

    def disconnect(self):
        self.gone.set()

    async def leave(self):
        """Disconnect, and return once the server has noticed."""
        self.gone.set()
        with anyio.fail_after(PATIENCE):
            await asyncio.wait({self.task})


class Web:
    """An HTTP client without HTTP: calls the ASGI application itself."""

    def __init__(self, application):
        self.application = application
        self.tasks = set()

    async def open(self, method="POST", body=b"", headers=None, path="/mcp", query=""):
        """Send a request and return once the response's head is there."""
        sent, gone, started = asyncio.Queue(), asyncio.Event(), asyncio.get_running_loop().create_future()
        given = {
            "host": "127.0.0.1:8000",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
        }
        given |= headers or {}
        pairs = [(name.lower().encode(), value.encode("utf-8")) for name, value in given.items() if value is not None]
        scope = {"type": "http", "method": method, "path": path, "headers": pairs, "server": ("127.0.0.1", 8000)}
        scope["query_string"] = query.encode()
        bodies = [{"type": "http.request", "body": body if isinstance(body, bytes) else encode_json(body)}]

        async def receive():
            if bodies:
                return bodies.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            if message["type"] == "http.response.start":
                started.set_result(
                    (message["status"], {key.decode(): value.decode() for key, value in message["headers"]})
                )
                return
            sent.put_nowait(message.get("body", b""))
            if not message.get("more_body"):
                sent.put_nowait(None)

        task = asyncio.ensure_future(self.application(scope, receive, send))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        with anyio.fail_after(PATIENCE):
            await asyncio.wait({task, started}, return_when=asyncio.FIRST_COMPLETED)
        if not started.done():
            task.result()
        status, head = started.result()
        return OpenReply(status, head, sent, gone, task)

    async def send(self, method="POST", body=b"", headers=None, path="/mcp", query=""):
        """Send a request and return the whole response."""
        reply = await self.open(method, body, headers, path, query)
        parts = []
        with anyio.fail_after(PATIENCE):
            while (chunk := await reply.chunks.get()) is not None:
                parts.append(chunk)
        reply.disconnect()
        return Reply(reply.status, reply.headers, b"".join(parts))

    async def modern(self, method, params=None, headers=None, capabilities=None, **meta):
        """Send a modern request with the headers that belong to it."""
        return await self.send("POST", *modern_request(method, params, headers, capabilities, **meta))

    async def open_modern(self, method, params=None, headers=None, capabilities=None, **meta):
        return await self.open("POST", *modern_request(method, params, headers, capabilities, **meta))

    async def initialize(self, version="2025-11-25", capabilities=None):
        """Open a legacy session and return its headers."""
        client = {"name": "test", "version": "1"}
        params = {"protocolVersion": version, "capabilities": capabilities or {}, "clientInfo": client}
        reply = await self.send("POST", {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
        session = {"mcp-session-id": reply.headers["mcp-session-id"], "mcp-protocol-version": version}
        await self.send("POST", {"jsonrpc": "2.0", "method": "notifications/initialized"}, session)
        return session

    async def close(self):
        self.application.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


def modern_request(method, params=None, headers=None, capabilities=None, **meta):
    params = {**(params or {}), "_meta": modern_meta(capabilities, **meta)}
    given = {"mcp-protocol-version": "2026-07-28", "mcp-method": method}
    name = params.get("name") or params.get("uri")
    if name is not None:
        given["mcp-name"] = name
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, given | (headers or {})


@pytest.fixture
async def web():
    """The everything server over HTTP."""
    client = Web(MCPApplication(make_server()))
    yield client
    await client.close()


@pytest.fixture
def web_of():
    """Return a function that makes an HTTP client for an application."""
    return Web


@pytest.fixture
def empty_server():
    return AdvancedMCPServer("empty", "1.0")
