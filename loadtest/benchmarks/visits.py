"""What clients do to a server in an hour, each as one short visit over raw sockets: most of them leave badly."""

from __future__ import annotations

import asyncio
import base64
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from reference_impl.protocol.lifecycle import initialize_params, request_meta
from reference_impl.protocol.messages import Message, Notification, Request, decode_json, encode
from reference_impl.protocol.revisions import LATEST, LATEST_LEGACY, Revision
from reference_impl.protocol.streamable import LAST_EVENT_ID, SESSION_ID, SSE_TYPE, request_headers

__all__ = ["VISITS", "Place", "ask", "rest", "storm"]

_CLIENT = {"name": "soak", "version": "1"}
_PATIENCE = 20.0
_SOCKET_ERRORS = (ConnectionError, asyncio.IncompleteReadError)


@dataclass(slots=True)
class Place:
    """Where the server is, and the luck of those who visit it."""

    port: int
    luck: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - no secret


@dataclass(slots=True)
class _Line:
    """One connection."""

    place: Place
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def write(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> None:
        """Send a request."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        length = f"content-length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{self.place.port}\r\n{lines}{length}\r\n"
        self.writer.write(head.encode() + body)

    def post(self, message: Message, revision: Revision, session: str | None = None) -> None:
        """Post a message."""
        self.write("POST", "/mcp", request_headers(message, revision, session=session), encode(message))

    async def head(self) -> tuple[int, dict[str, str]]:
        """Read the head of a response."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.split(":", 1) for line in head[1:] if line)
        return int(head[0].split()[1]), {name.lower(): value.strip() for name, value in pairs}

    async def whole(self) -> tuple[int, dict[str, str], bytes]:
        """Read a whole response that says its length."""
        status, headers = await self.head()
        return status, headers, await self.reader.readexactly(int(headers.get("content-length", "0")))

    async def until(self, text: bytes) -> bytes:
        """Read an event stream until `text` has come, and the line that it stands in."""
        await self.reader.readuntil(text)
        return text + await self.reader.readline()


@asynccontextmanager
async def _line(place: Place) -> AsyncIterator[_Line]:
    """Connect; at the end the connection is cut."""
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    try:
        yield _Line(place, reader, writer)
    finally:
        writer.transport.abort()


def _call(tool: str, revision: Revision, arguments: dict[str, Any] | None = None) -> Request:
    meta = request_meta(revision, _CLIENT, {"elicitation": {}}) if revision.modern else {}
    meta["progressToken"] = "p"
    return Request(7, "tools/call", {"name": tool, "arguments": arguments or {}, "_meta": meta})


async def _session(line: _Line) -> str:
    params = initialize_params(LATEST_LEGACY, _CLIENT, {"elicitation": {}})
    line.post(Request(0, "initialize", params), LATEST_LEGACY)
    _, headers, _ = await line.whole()
    session = headers[SESSION_ID.lower()]
    line.post(Notification("notifications/initialized"), LATEST_LEGACY, session)
    await line.whole()
    return session


def _headers(session: str, **more: str) -> dict[str, str]:
    version = LATEST_LEGACY.name
    return {SESSION_ID: session, "mcp-protocol-version": version, "accept": SSE_TYPE, **more}


# Visits of the modern era ---------------------------------------------------------------------------


async def call(place: Place) -> None:
    """Call a tool and take the answer."""
    async with _line(place) as line:
        line.post(_call("echo", LATEST, {"text": "x" * place.luck.randrange(4000)}), LATEST)
        assert (await line.whole())[0] == 200


async def leave_in_the_middle(place: Place) -> None:
    """Call a tool that streams, and leave when its first event is there."""
    async with _line(place) as line:
        line.post(_call("wait", LATEST), LATEST)
        await line.until(b"data: ")


async def listen(place: Place) -> None:
    """Open a stream of changes, hear of one, leave."""
    wanted = {"notifications": {"toolsListChanged": True, "resourceSubscriptions": ["soak://watched"]}}
    async with _line(place) as line, _line(place) as other:
        line.post(Request("s", "subscriptions/listen", {**wanted, "_meta": request_meta(LATEST, _CLIENT)}), LATEST)
        await line.until(b"acknowledged")
        other.post(_call("change", LATEST), LATEST)
        await line.until(b"resources/updated")


async def ask_for_input(place: Place) -> None:
    """Call a tool that asks, and never answer."""
    async with _line(place) as line:
        line.post(_call("ask", LATEST), LATEST)
        assert b"input_required" in (await line.whole())[2]


# Visits with sessions -------------------------------------------------------------------------------


async def come_and_go(place: Place) -> None:
    """Open a session, use it, delete it."""
    async with _line(place) as line:
        session = await _session(line)
        line.post(_call("crash", LATEST_LEGACY), LATEST_LEGACY, session)
        assert (await line.whole())[0] == 200
        line.write("DELETE", "/mcp", _headers(session))
        assert (await line.whole())[0] == 204


async def abandon(place: Place) -> None:
    """Open a session and never come back."""
    async with _line(place) as line:
        await _session(line)


async def resume(place: Place) -> None:
    """Break off a stream, come back for the rest."""
    async with _line(place) as line, _line(place) as again:
        session = await _session(line)
        line.post(_call("steps", LATEST_LEGACY), LATEST_LEGACY, session)
        event = (await line.until(b"\nid: ")).split(b":")[1].strip().decode()
        line.writer.transport.abort()
        again.write("GET", "/mcp", _headers(session, **{LAST_EVENT_ID: event}))
        await again.until(b'"result"')


async def cancel(place: Place) -> None:
    """Cancel a call from another connection."""
    async with _line(place) as line, _line(place) as other:
        session = await _session(line)
        line.post(_call("wait", LATEST_LEGACY), LATEST_LEGACY, session)
        await line.until(b"progress")
        other.post(Notification("notifications/cancelled", {"requestId": 7}), LATEST_LEGACY, session)
        assert (await other.whole())[0] == 202


async def leave_a_question(place: Place) -> None:
    """Let the server ask, listen on two streams, and delete the session under all of them."""
    async with _line(place) as line, _line(place) as get, _line(place) as other:
        session = await _session(other)
        get.write("GET", "/mcp", _headers(session))
        await get.head()
        line.post(_call("ask", LATEST_LEGACY), LATEST_LEGACY, session)
        await line.until(b"elicitation/create")
        if place.luck.random() < 0.5:
            other.write("DELETE", "/mcp", _headers(session))
            await other.whole()


# Other doors ----------------------------------------------------------------------------------------


async def use_the_oldest_transport(place: Place) -> None:
    """Speak HTTP+SSE, and leave while a call is under way."""
    async with _line(place) as line, _line(place) as other:
        line.write("GET", "/sse", {"accept": SSE_TYPE})
        address = (await line.until(b"data: ")).removeprefix(b"data: ").strip().decode()
        messages = (
            Request(0, "initialize", initialize_params(LATEST_LEGACY, _CLIENT, {})),
            Notification("notifications/initialized"),
            _call("wait", LATEST_LEGACY),
        )
        for message in messages:
            other.write("POST", address, {"content-type": "application/json"}, encode(message))
            assert (await other.whole())[0] == 202
        await line.until(b"progress")


async def use_a_websocket(place: Place) -> None:
    """Speak over a WebSocket, and leave without a word."""
    async with _line(place) as line:
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = {"upgrade": "websocket", "connection": "upgrade", "sec-websocket-version": "13"}
        line.write("GET", "/ws", {**upgrade, "sec-websocket-key": key, "sec-websocket-protocol": "mcp"})
        assert (await line.head())[0] == 101
        line.writer.write(_frame(encode(_call("wait", LATEST))))
        await line.reader.readuntil(b"progress")


def _frame(text: bytes) -> bytes:
    """Return a masked text frame of up to 64 KiB (RFC 6455, 5.2); the mask is zero."""
    return b"\x81" + bytes([0x80 | 126]) + len(text).to_bytes(2, "big") + bytes(4) + text


async def talk_nonsense(place: Place) -> None:
    """Send what is no request, or none at all."""
    json = {"content-type": "application/json"}
    async with _line(place) as line:
        match place.luck.randrange(6):
            case 0:
                line.write("POST", "/mcp", json, b"garbage")
            case 1:
                line.write("POST", "/mcp", {**json, SESSION_ID: "nobody"}, b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
            case 2:
                line.write("POST", "/mcp", json, b"[" * 10_000)
            case 3:
                line.writer.write(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
            case 4:
                line.writer.write(b"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\r\n{")
                return
            case _:
                return
        await line.head()


Visit = Callable[[Place], Awaitable[None]]
VISITS: tuple[Visit, ...] = (
    *(call, leave_in_the_middle, listen, ask_for_input, come_and_go, abandon, resume, cancel, leave_a_question),
    *(use_the_oldest_transport, use_a_websocket, talk_nonsense),
)


async def storm(place: Place, visits: int, at_once: int = 16) -> None:
    """Pay so many visits of all kinds in turn, some at a time. Raises what a visit that should succeed met."""
    left = iter(range(visits))

    async def visitor() -> None:
        for number in left:
            async with asyncio.timeout(_PATIENCE):
                await VISITS[number % len(VISITS)](place)

    async with asyncio.TaskGroup() as visitors:
        for _ in range(at_once):
            visitors.create_task(visitor())


async def ask(place: Place, tool: str) -> Any:
    """Call a tool that answers in JSON."""
    async with _line(place) as line:
        line.post(_call(tool, LATEST), LATEST)
        answer = decode_json((await line.whole())[2])
        return decode_json(answer["result"]["content"][0]["text"])


async def rest(place: Place, seconds: float = 1.1) -> None:
    """Wait until what was abandoned has expired, and remind the server of it: it looks when somebody comes."""
    await asyncio.sleep(seconds)
    async with _line(place) as line:
        line.write("DELETE", "/mcp", _headers("nobody"))
        await line.whole()
