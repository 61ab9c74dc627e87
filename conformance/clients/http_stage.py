"""A scripted server over HTTP: h11 reads what the client sends, and every byte of it is written down first.

It serves whatever it can make sense of, also where headers are wrong: those are for the monitors to judge.
"""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import anyio
import anyio.abc
import h11

from conformance.clients.delivery import deliver
from conformance.clients.http_wire import HttpConnection, reason
from conformance.clients.play import Play
from conformance.clients.pulse import Pulse
from conformance.clients.reply import End, Event, HttpRequest, RawReply, Reply, Wait
from conformance.transcript import NO_JSON, Direction, HttpHead
from reference_impl.protocol.errors import Code
from reference_impl.protocol.sse import encode_event
from reference_impl.protocol.streamable import JSON_TYPE, SESSION_ID, SSE_TYPE

__all__ = ["Exchange", "HttpStage", "HungUp", "decode", "speaks"]

PATH = "/mcp"


@dataclass(slots=True)
class HttpStage:
    """Where a play meets its client over HTTP. `pulse` is told of all that comes and goes."""

    play: Play
    pulse: Pulse
    _exchanges: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def serve(self, stream: anyio.abc.ByteStream, listener: str = "") -> None:
        """Serve one connection, to the server or to another listener of the scenario, until it ends."""
        connection = HttpConnection(stream)
        if any(item.name == listener and item.watched for item in self.play.scenario.listeners):
            self.play.conversation.record(Direction.PROCESS, b"the client connected", aside=listener)
        try:
            async with stream:
                with suppress(h11.ProtocolError, anyio.BrokenResourceError, anyio.EndOfStream, HungUp):
                    while (request := await connection.request()) is not None:
                        await self._serve(connection, HttpRequest(*request, listener))
                        connection.next_cycle()
        finally:
            connection.finish()

    async def _serve(self, connection: HttpConnection, request: HttpRequest) -> None:
        exchange = Exchange(self, connection, next(self._exchanges))
        value = decode(request.body)
        # Whatever is no message goes beside the protocol: metadata, tokens, icons.
        beside = request.listener or ("" if request.path == PATH or speaks(value) else request.path)
        exchange.received(request, value, beside)
        self.pulse.beat()
        raw = self.play.behaviour.http(request)
        raw = await raw if inspect.isawaitable(raw) else raw
        if raw is not None:
            await exchange.raw_reply(raw, beside)
        elif request.listener or request.path != PATH:
            await exchange.raw_reply(RawReply(404), beside)
        else:
            await exchange.answer(self._reply(request, value))
        self.pulse.beat()

    def _reply(self, request: HttpRequest, value: Any) -> Reply:
        """Return what a request to the endpoint is answered with."""
        if request.method == "GET":
            return self.play.listen(request.head) or Reply(405)
        if request.method != "POST":
            return Reply(200 if request.method == "DELETE" else 405)
        if self.play.takes_batch(value):
            responses = self.play.take_batch(value, request.head)
            return Reply(200, responses, streams=False) if responses else Reply()
        if not isinstance(value, dict):
            error = {"code": int(Code.INVALID_REQUEST), "message": "Invalid request: not one JSON object"}
            return Reply(400, {"jsonrpc": "2.0", "id": None, "error": error}, streams=False)
        return self.play.take(value, request.head)


class Stage(Protocol):
    """What an exchange belongs to."""

    play: Play
    pulse: Pulse


class HungUp(Exception):  # noqa: N818 - an end, not an error
    """The client closed the connection before its reply had ended."""


@dataclass(slots=True)
class Exchange:
    """One request and its reply, which it writes down as it goes out."""

    stage: Stage
    connection: HttpConnection
    number: int

    def received(self, request: HttpRequest, value: Any, beside: str) -> None:
        """Write the request down."""
        conversation = self.stage.play.conversation
        kept = NO_JSON if beside else value
        conversation.record(
            Direction.RECEIVED, request.body, kept, exchange=self.number, head=request.head, aside=beside
        )

    async def answer(self, reply: Reply) -> None:
        """Send a reply of the protocol. Raises `HungUp` if the client does not wait for it."""
        behaviour = self.stage.play.behaviour
        usual = behaviour.streams and reply.status == 200 and reply.response is not None
        streams = reply.streams if reply.streams is not None else reply.needs_stream or usual
        over = False
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, tasks.cancel_scope)
            with suppress(h11.ProtocolError, anyio.BrokenResourceError, HungUp):
                await (self._stream(reply) if streams else self._whole(reply))
                over = True
            tasks.cancel_scope.cancel()
        if not over:
            raise HungUp

    async def _stream(self, reply: Reply) -> None:
        await self._head(reply, SSE_TYPE, None)
        await self.connection.data(self.stage.play.behaviour.prelude)
        await deliver(reply, self.stage.play.scene, self)
        await self.connection.end()

    async def _whole(self, reply: Reply) -> None:
        await deliver(replace(reply, response=None), self.stage.play.scene, self)
        await self._head(reply, JSON_TYPE, reply.response)

    async def _watch(self, scope: anyio.CancelScope) -> None:
        await self.connection.hung_up()
        hung_up = f"the client closed the connection of exchange {self.number}".encode()
        self.stage.play.conversation.record(Direction.PROCESS, hung_up, exchange=self.number)
        self.stage.pulse.beat()
        scope.cancel()

    async def _head(self, reply: Reply, media_type: str, response: Any) -> None:
        """Send the head, and with it the body of what is no stream."""
        stream = media_type == SSE_TYPE
        body = b"" if response is None else json.dumps(response).encode()
        headers = [("content-type", media_type)] if body or stream else []
        if headers and reply.session is not None:
            headers.append((SESSION_ID, reply.session))
        headers += [*reply.headers, *([] if stream else [("content-length", str(len(body)))])]
        self._sent(reply.status, headers, body, response if body else NO_JSON)
        names = self.stage.play.behaviour.header_names
        await self.connection.start(reply.status, [(names(name), value) for name, value in headers])
        if not stream:
            await self.connection.data(body)
            await self.connection.end()

    async def raw_reply(self, reply: RawReply, beside: str) -> None:
        """Send a reply as it stands."""
        headers = list(reply.headers)
        if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
            headers.append(("content-length", str(len(reply.body))))
        if reply.closes:
            headers.append(("connection", "close"))
        self._sent(reply.status, headers, reply.body, NO_JSON if beside else decode(reply.body), beside)
        await self.connection.start(reply.status, headers)
        await self.connection.data(reply.body)
        await self.connection.end()

    def _sent(self, status: int, headers: list[tuple[str, str]], body: bytes, value: Any, beside: str = "") -> None:
        lower = tuple((name.lower(), text) for name, text in headers)
        head = HttpHead(f"HTTP/1.1 {status} {reason(status)}", lower, status)
        conversation = self.stage.play.conversation
        conversation.record(Direction.SENT, body, value, exchange=self.number, head=head, aside=beside)

    # What steps of a reply go out over -------------------------------------------------------------

    async def event(self, event: Event) -> None:
        """Send an event."""
        data = b"" if event.message is None else json.dumps(event.message).encode()
        encoded = encode_event(data, event=event.kind, event_id=event.id, retry=event.retry)
        shown, value = (data, event.message) if event.message is not None else (encoded, NO_JSON)
        self.stage.play.conversation.record(Direction.SENT, shown, value, exchange=self.number)
        # In two pieces, neither of which is an event: a reader may not count on anything else.
        await self.connection.data(encoded[: len(encoded) // 2])
        await self.connection.data(encoded[len(encoded) // 2 :])

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        await self.connection.data(data)

    async def wait(self, wait: Wait) -> bool:
        """Wait; who hangs up ends this too."""
        await self.stage.pulse.until(wait.until, wait.seconds)
        return True

    async def noise(self, data: bytes) -> None:
        """There is no standard error."""

    async def end(self, end: End) -> None:
        """End the stream, or break it off. Raises `HungUp`."""
        if not end.clean:
            raise HungUp


def speaks(value: Any) -> bool:
    """Whether something is a message or a batch."""
    return isinstance(value, list) or (isinstance(value, dict) and "jsonrpc" in value)


def decode(body: bytes) -> Any:
    """Return the JSON value of a body, or `NO_JSON`."""
    try:
        return json.loads(body) if body else NO_JSON
    except ValueError:
        return NO_JSON
