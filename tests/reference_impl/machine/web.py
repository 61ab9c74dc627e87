"""HTTP without sockets: connections to an ASGI application that can be slow, and can break off anywhere."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from reference_impl.protocol.messages import decode_json, encode_json
from reference_impl.protocol.sse import EventReader
from reference_impl.server.asgi import MCPApplication
from reference_impl.server.http.sessions import MOST_UNSENT
from tests.reference_impl.machine.ledger import Asked, Json, Key, Ledger, key_of
from tests.reference_impl.machine.lines import CAPABILITIES, modern_meta
from tests.reference_impl.machine.runs import MARKER, Runs
from tests.reference_impl.machine.world import World

Ids = tuple[int, ...]
SESSION = "mcp-session-id"
VERSION = "mcp-protocol-version"
_HEADERS = {
    "host": "127.0.0.1:8000",
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
}


class WebConnection:
    """One HTTP request and its response. What it carries goes to `ledger`; after `drop`, nothing does."""

    def __init__(self, world: World, ledger: Ledger, identifiers: Ids = ()) -> None:
        self._world = world
        self.ledger = ledger
        self.identifiers = identifiers
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.body = b""
        self.complete = False
        self.dropped = False
        self.over_by = float("inf")
        self.last_event: str | None = None
        self._events = EventReader()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._gone = asyncio.Event()
        self._parts: list[Json] = []
        self.task: asyncio.Task[None] | None = None

    def start(self, application: MCPApplication, method: str, body: list[bytes], headers: dict[str, str]) -> None:
        """Send the request; a body of several parts lacks its end."""
        pairs = [(name.encode(), value.encode()) for name, value in (_HEADERS | headers).items() if value]
        scope = {"type": "http", "method": method, "path": "/mcp", "headers": pairs, "server": ("127.0.0.1", 8000)}
        whole = len(body) == 1
        self._parts = [{"type": "http.request", "body": part, "more_body": not whole} for part in body]
        self.task = self._world.start(application(scope, self._receive, self._send))

    async def _receive(self) -> Json:
        if self._parts:
            return self._parts.pop(0)
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self._flowing.wait()
        if self.dropped:
            raise OSError("the client has gone")  # as ASGI 2.4 wants it
        assert not self.complete, f"sent after the end of the response: {message}"
        if message["type"] == "http.response.start":
            assert self.status is None, "a second response"
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        self._take(message.get("body", b""))
        self.complete = not message.get("more_body", False)
        if self.complete:
            self._finish()

    @property
    def streams(self) -> bool:
        """Whether the response is an event stream."""
        return self.headers.get("content-type", "").startswith("text/event-stream")

    @property
    def refused(self) -> bool:
        """Whether this was to resume a stream that is not kept any more."""
        return self.last_event is not None and self.status == 400

    def _take(self, data: bytes) -> None:
        if not self.streams:
            self.body += data
            return
        for event in self._events.feed(data):
            if event.id:
                assert event.id != self.last_event, f"the event {event.id} twice"
                self.last_event = event.id
            if event.data:
                self.ledger.hear(decode_json(event.data))

    def _finish(self) -> None:
        if self.body and not (self.streams or self.refused):
            self.ledger.hear(decode_json(self.body))

    # What clients do to connections -------------------------------------------------------------

    @property
    def live(self) -> bool:
        """Whether more may come."""
        return not (self.dropped or self.complete)

    @property
    def reading(self) -> bool:
        """Whether what the server writes is read."""
        return self._flowing.is_set()

    @reading.setter
    def reading(self, flows: bool) -> None:
        if flows:
            self._flowing.set()
        else:
            self._flowing.clear()

    def drop(self) -> None:
        """Break off."""
        self.dropped = True
        self.over_by = self._world.now + 1  # a handler may take its time to unwind
        self._gone.set()
        self._flowing.set()

    def check(self) -> None:
        """Raise what the application let through: a client that breaks off is no error of the server's."""
        if self.task is not None and self.task.done() and not self.task.cancelled():
            self.task.result()
            assert self.dropped or self.complete, "the application ended without ending its response"


class Machine(Protocol):
    """What a client needs of the machine that it lives in."""

    world: World
    application: MCPApplication
    runs: Runs


class WebSession:
    """A legacy session, or with `version` None a modern client, which has none."""

    def __init__(self, machine: Machine, version: str | None) -> None:
        self._world, self._application, self._runs = machine.world, machine.application, machine.runs
        self.version = version
        self.id: str | None = None
        self.ledger = Ledger(legacy=version is not None)
        self.connections: list[WebConnection] = []
        self.gets: list[WebConnection] = []
        self.broken: list[WebConnection] = []
        self.gone: list[WebConnection] = []
        self.most_broken = 0
        self.ended = False

    @property
    def headers(self) -> dict[str, str]:
        """The headers of every request."""
        if self.version is None:
            return {}
        return {SESSION: self.id or "", VERSION: self.version}

    @property
    def unread(self) -> set[Key]:
        """Requests whose answers may have been sent, and wait to be read or fetched."""
        slow = [connection for connection in self.connections if not connection.reading]
        return {key_of(identifier) for item in (*slow, *self.broken) for identifier in item.identifiers}

    def open(self, method: str, body: list[bytes], headers: dict[str, str], identifiers: Ids = ()) -> WebConnection:
        """Send any request."""
        connection = WebConnection(self._world, self.ledger, identifiers)
        connection.start(self._application, method, body, self.headers | headers)
        self.connections.append(connection)
        return connection

    def post(self, message: Any, headers: dict[str, str] | None = None, identifiers: Ids = ()) -> WebConnection:
        """Post a message."""
        return self.open("POST", [encode_json(message)], headers or {}, identifiers)

    def initialize(self) -> None:
        """Open the session."""
        client = {"name": "m", "version": "1"}
        params = {"protocolVersion": self.version, "capabilities": CAPABILITIES, "clientInfo": client}
        self.ledger.ask(0, Asked("initialize"))
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        connection = self.post(message, {VERSION: "", SESSION: ""})
        self._world.settle()
        assert connection.status == 200, connection.body
        self.id = connection.headers[SESSION]
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self._world.settle()

    def message(
        self, identifier: int, method: str, params: Json, marker: str | None = None
    ) -> tuple[Json, dict[str, str]]:
        """Return a request and the headers that go with it, and note it."""
        marker = marker or self._world.unique()
        meta: Json = {"progressToken": identifier, MARKER: marker}
        headers: dict[str, str] = {}
        if self.version is None:
            meta = modern_meta(**meta, **{"io.modelcontextprotocol/logLevel": "info"})
            headers = {VERSION: "2026-07-28", "mcp-method": method}
            name = params.get("name") or params.get("uri") or params.get("taskId")
            if name is not None:
                headers["mcp-name"] = name
        modern = self.version is None
        self.ledger.ask(identifier, Asked(method, params, marker, modern=modern, logs=modern))
        body = {"jsonrpc": "2.0", "id": identifier, "method": method, "params": {**params, "_meta": meta}}
        return body, headers

    def ask(self, identifier: int, method: str, params: Json, marker: str | None = None) -> None:
        """Post a request."""
        body, headers = self.message(identifier, method, params, marker)
        self.post(body, headers, (identifier,))

    def drop(self, connection: WebConnection) -> None:
        """Break off a connection. What a modern client awaited is cancelled; a legacy one may come back for it."""
        connection.drop()
        self.connections.remove(connection)
        self.gone.append(connection)
        for asked in self._asked(connection):
            asked.allowed += asked.owed if self.version is not None else 0
            asked.owed = 0
            if asked.modern and not asked.outlives:
                self._runs.doom(asked.marker)
        if connection in self.gets:
            self.gets.remove(connection)
        elif connection.last_event is not None:
            self.broken.append(connection)

    def listen(self, last_event: str | None = None, identifiers: Ids = ()) -> WebConnection:
        """Open a stream for what belongs to no request, or resume a broken one."""
        headers = {} if last_event is None else {"last-event-id": last_event}
        connection = self.open("GET", [b""], {"accept": "text/event-stream", **headers}, identifiers)
        connection.last_event = last_event
        if last_event is None:
            self.gets.append(connection)
        return connection

    def resume(self) -> None:
        """Come back for the stream that broke off last: its answer is due again."""
        if not self.broken:
            return
        self.most_broken = max(self.most_broken, len(self.broken))
        broken = self.broken.pop()
        for asked in self._asked(broken):
            if not asked.cancelled:
                asked.owed, asked.allowed = asked.owed + asked.allowed, 0
        self.listen(broken.last_event, broken.identifiers)

    def catch_up(self) -> None:
        """Read everything, and come back for whatever broke off."""
        for connection in self.connections:
            connection.reading = True
        if not self.ended:
            for _ in range(len(self.broken)):
                self.resume()

    def end(self) -> WebConnection:
        """Delete the session."""
        self.excuse()
        return self.open("DELETE", [b""], {})

    def excuse(self) -> None:
        """Note that the session is over."""
        self.ended = True
        self.ledger.excuse()
        for marker in self.ledger.markers:
            self._runs.doom(marker)

    def check(self) -> None:
        """Look at all connections, and forget those that are over."""
        for connection in (*self.connections, *self.gone):
            connection.check()
        for connection in list(self.connections):
            if connection.complete:
                self.connections.remove(connection)
                if connection in self.gets:
                    self.gets.remove(connection)
                elif connection.refused:
                    self._forgotten(connection)
                elif connection.streams and self._interrupted(connection):
                    self.broken.append(connection)

    def _forgotten(self, connection: WebConnection) -> None:
        """Judge the refusal of a stream: the server may forget one only where too many wait to be resumed."""
        owed = [asked for asked in self._asked(connection) if asked.open and not asked.cancelled]
        assert not owed or self.most_broken > MOST_UNSENT, f"a stream is forgotten whose answer is owed: {owed}"
        for asked in owed:
            asked.owed = asked.allowed = 0

    def _interrupted(self, connection: WebConnection) -> bool:
        return connection.last_event is not None and any(asked.open for asked in self._asked(connection))

    def _asked(self, connection: WebConnection) -> list[Asked]:
        return [self.ledger.asked[key_of(identifier)] for identifier in connection.identifiers]
