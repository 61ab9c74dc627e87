"""A scripted server over HTTP with SSE, the transport of the first revision: a stream down, an address to post to.

Source: `basic/transports#http-with-sse` of that revision. Clients that have it speak later ones over it too.
"""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
import h11

from conformance.clients.delivery import deliver
from conformance.clients.http_stage import Exchange, HungUp, decode, speaks
from conformance.clients.http_wire import HttpConnection
from conformance.clients.play import Play
from conformance.clients.pulse import Pulse
from conformance.clients.reply import End, Event, HttpRequest, RawReply, Reply, Wait
from conformance.transcript import NO_JSON, Direction, HttpHead
from reference_impl.protocol.sse import encode_event
from reference_impl.protocol.streamable import SSE_TYPE

__all__ = ["PATH", "SseStage"]

PATH = "/sse"


@dataclass(slots=True)
class SseStage:
    """Where a play meets its client over HTTP with SSE."""

    play: Play
    pulse: Pulse
    _exchanges: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _streams: dict[str, _Stream] = field(default_factory=dict)

    async def serve(self, connection: anyio.abc.ByteStream) -> None:
        """Serve one connection until it ends."""
        http = HttpConnection(connection)
        try:
            async with connection:
                with suppress(h11.ProtocolError, anyio.BrokenResourceError, anyio.EndOfStream, HungUp):
                    while (request := await http.request()) is not None:
                        await self._serve(http, HttpRequest(*request))
                        http.next_cycle()
        finally:
            http.finish()

    async def _serve(self, http: HttpConnection, request: HttpRequest) -> None:
        exchange = Exchange(self, http, next(self._exchanges))
        value = decode(request.body)
        stream = self._streams.get(request.target) or (self._latest if speaks(value) else None)
        known = stream is not None or request.path == PATH or speaks(value)
        exchange.received(request, value, "" if known else request.path)
        self.pulse.beat()
        raw = self.play.behaviour.http(request)
        raw = await raw if inspect.isawaitable(raw) else raw
        if raw is not None:
            await exchange.raw_reply(raw, "" if known else request.path)
        elif request.method == "GET" and request.path == PATH:
            await self._stream(http, exchange.number)
        elif request.method == "POST" and stream is not None:
            await exchange.answer(Reply())
            stream.take(value)
        else:
            await exchange.raw_reply(RawReply(405 if request.path == PATH else 404), "" if known else request.path)

    @property
    def _latest(self) -> _Stream | None:
        """Where a message belongs that was posted to a wrong address: it is answered all the same."""
        return next(reversed(self._streams.values()), None)

    async def _stream(self, http: HttpConnection, exchange: int) -> None:
        """Open a stream, name the address to post to, and keep it open until the client hangs up."""
        address = self.play.behaviour.endpoint(self.play.scene.url, len(self._streams) + 1)
        headers = (("content-type", SSE_TYPE), ("cache-control", "no-store"))
        head = HttpHead("HTTP/1.1 200 OK", headers, 200)
        named = encode_event(address.encode(), event="endpoint")
        self.play.conversation.record(Direction.SENT, named, NO_JSON, exchange=exchange, head=head)
        target = _target(address)
        try:
            async with anyio.create_task_group() as answers:
                self._streams[target] = _Stream(self, http, exchange, answers)
                await http.start(200, list(headers))
                await http.data(named)
                await http.hung_up()
                answers.cancel_scope.cancel()
        finally:
            self._streams[target].over = True
        raise HungUp


def _target(address: str) -> str:
    """Return what a request to an address has as its target."""
    return "/" + address.split("/", 3)[3] if "://" in address else address


@dataclass(slots=True)
class _Stream:
    """The way down to one client."""

    stage: SseStage
    http: HttpConnection
    exchange: int
    answers: anyio.abc.TaskGroup
    over: bool = False
    _lock: anyio.Lock = field(default_factory=anyio.Lock)  # answers to several requests go out on the one stream

    def take(self, value: Any) -> None:
        """Answer what was posted, unless the client has hung up: some post a last word all the same."""
        if self.over:
            return
        play = self.stage.play
        for message in value if play.takes_batch(value) else [value]:
            if isinstance(message, dict):
                self.answers.start_soon(self._answer, message)

    async def _answer(self, message: dict[str, Any]) -> None:
        reply = self.stage.play.take(message)
        self.stage.pulse.beat()
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, h11.ProtocolError):
            await deliver(reply, self.stage.play.scene, self)
            self.stage.pulse.beat()

    async def event(self, event: Event) -> None:
        """Send a message."""
        data = b"" if event.message is None else json.dumps(event.message).encode()
        self.stage.play.conversation.record(Direction.SENT, data, event.message, exchange=self.exchange)
        await self.raw(encode_event(data, event=event.kind or "message", event_id=event.id, retry=event.retry))

    async def raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        async with self._lock:
            await self.http.data(data)

    async def noise(self, data: bytes) -> None:
        """There is no standard error."""

    async def wait(self, wait: Wait) -> bool:
        """Wait; the end of the stream ends this too."""
        await self.stage.pulse.until(wait.until, wait.seconds)
        return True

    async def end(self, end: End) -> None:
        """End the stream."""
        if end.clean:
            await self.http.end()
        self.answers.cancel_scope.cancel()
