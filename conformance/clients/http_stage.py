"""A scripted server over HTTP: h11 reads what the client sends, and every byte of it is written down first.

It serves whatever it can make sense of, also where headers are wrong: those are for the monitors to judge.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
import h11

from conformance.clients.play import Play, Reply
from conformance.clients.pulse import Pulse
from conformance.transcript import NO_JSON, Direction, HttpHead
from reference_impl.protocol.errors import Code
from reference_impl.protocol.sse import COMMENT, encode_event
from reference_impl.protocol.streamable import JSON_TYPE, SESSION_ID, SSE_TYPE

__all__ = ["HttpStage"]

_PATH = "/mcp"
_BODY_LIMIT = 8 * 1024 * 1024
_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}
_FOREIGN = b"event: touchstone\r\ndata: no message\r\n\r\n"
"""An event of a type that the protocol does not have; readers of streams pass it over."""


@dataclass(slots=True)
class HttpStage:
    """Where a play meets its client over HTTP. `pulse` is told of all that comes and goes."""

    play: Play
    pulse: Pulse
    _exchanges: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def serve(self, stream: anyio.abc.ByteStream) -> None:
        """Serve one connection until it ends."""
        connection = _Connection(stream)
        async with stream:
            with suppress(h11.ProtocolError, anyio.BrokenResourceError, anyio.EndOfStream):
                while (request := await connection.request()) is not None:
                    await self._serve(connection, *request)
                    connection.next_cycle()

    async def _serve(self, connection: _Connection, head: HttpHead, body: bytes) -> None:
        exchange = next(self._exchanges)
        value = _decode(body)
        self.play.conversation.record(Direction.RECEIVED, body, value, exchange=exchange, head=head)
        self.pulse.beat()
        method, _, rest = head.start.partition(" ")
        if rest.partition(" ")[0].partition("?")[0] != _PATH:
            await self._send(connection, exchange, Reply(404))
        elif method == "POST":
            await self._post(connection, exchange, head, value)
        else:
            await self._send(connection, exchange, Reply(200 if method == "DELETE" else 405))
        self.pulse.beat()

    async def _post(self, connection: _Connection, exchange: int, head: HttpHead, value: Any) -> None:
        if not isinstance(value, dict):
            error = {"code": int(Code.INVALID_REQUEST), "message": "Invalid request: not one JSON object"}
            await self._send(connection, exchange, Reply(400, {"jsonrpc": "2.0", "id": None, "error": error}))
            return
        reply = self.play.take(value, head.get(SESSION_ID))
        self.pulse.beat()
        if reply.status == 200 and self.play.scenario.streams:
            await self._stream(connection, exchange, reply)
        else:
            await self._send(connection, exchange, reply)

    async def _send(self, connection: _Connection, exchange: int, reply: Reply) -> None:
        body = b"" if reply.response is None else json.dumps(reply.response).encode()
        headers = _headers(reply, JSON_TYPE) if body else []
        headers.append(("content-length", str(len(body))))
        self._record(exchange, reply, headers, body)
        await connection.start(reply.status, headers)
        await connection.data(body)
        await connection.end()

    async def _stream(self, connection: _Connection, exchange: int, reply: Reply) -> None:
        headers = _headers(reply, SSE_TYPE)
        self._record(exchange, reply, headers, None)
        await connection.start(reply.status, headers)
        await connection.data(COMMENT + _FOREIGN)
        for question in reply.questions:
            await self._event(connection, exchange, question)
        if reply.questions:
            await self.pulse.until(lambda: self.play.all_answered(reply.questions))
        if reply.response is not None:
            await self._event(connection, exchange, reply.response)
        await connection.end()

    async def _event(self, connection: _Connection, exchange: int, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        self.play.conversation.record(Direction.SENT, data, message, exchange=exchange)
        event = encode_event(data)
        # In two pieces, neither of which is an event: a reader may not count on anything else.
        await connection.data(event[: len(event) // 2])
        await connection.data(event[len(event) // 2 :])

    def _record(self, exchange: int, reply: Reply, headers: list[tuple[str, str]], body: bytes | None) -> None:
        head = HttpHead(f"HTTP/1.1 {reply.status} {_REASONS[reply.status]}", tuple(headers), reply.status)
        value = reply.response if body else NO_JSON
        self.play.conversation.record(Direction.SENT, body or b"", value, exchange=exchange, head=head)


class _Connection:
    """One connection as h11 sees it."""

    def __init__(self, stream: anyio.abc.ByteStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.SERVER)

    async def request(self) -> tuple[HttpHead, bytes] | None:
        """Return the next request, or None when the client is done."""
        event = await self._event()
        if not isinstance(event, h11.Request):
            return None
        if self._http.they_are_waiting_for_100_continue:
            await self._stream.send(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        body = b""
        while not isinstance(event, h11.EndOfMessage):
            event = await self._event()
            if isinstance(event, h11.ConnectionClosed) or len(body) > _BODY_LIMIT:
                return None
            body += bytes(event.data) if isinstance(event, h11.Data) else b""
        return self._head, body

    async def _event(self) -> Any:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            try:
                self._http.receive_data(await self._stream.receive())
            except anyio.EndOfStream:
                self._http.receive_data(b"")
        if isinstance(event, h11.Request):
            start = f"{event.method.decode()} {event.target.decode()} HTTP/{event.http_version.decode()}"
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
            self._head = HttpHead(start, headers)
        return event

    async def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Send the head of a reply."""
        await self._out(h11.Response(status_code=status, headers=headers, reason=_REASONS[status]))

    async def data(self, body: bytes) -> None:
        """Send a piece of its body."""
        if body:
            await self._out(h11.Data(data=body))

    async def end(self) -> None:
        """End the reply."""
        await self._out(h11.EndOfMessage())

    async def _out(self, event: Any) -> None:
        if data := self._http.send(event):
            await self._stream.send(data)

    def next_cycle(self) -> None:
        """Get ready for the next request. Raises `h11.LocalProtocolError` where the connection is to be closed."""
        self._http.start_next_cycle()


def _headers(reply: Reply, media_type: str) -> list[tuple[str, str]]:
    session = [] if reply.session is None else [(SESSION_ID, reply.session)]
    return [("content-type", media_type), *session]


def _decode(body: bytes) -> Any:
    try:
        return json.loads(body) if body else NO_JSON
    except ValueError:
        return NO_JSON
