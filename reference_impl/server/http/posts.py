"""Answering a POST that holds a request: as one JSON object, or as an event stream once there is more to say.

Shared by both eras. The answer is JSON unless the handler sends something first, or takes longer than a proxy would
wait. The handler runs in the task that the ASGI server made for the POST. Most handlers never wait, and are answered
in one go; for one that does, a second task looks after the client meanwhile.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, cast

import msgspec

from reference_impl.protocol.messages import ErrorResponse, Message, Notification, Request, Response, encode
from reference_impl.server.dispatch import encode_answer
from reference_impl.server.exchange import DISPENSABLE, Exchange
from reference_impl.server.http.messages import HttpRequest, send_json
from reference_impl.server.http.streams import EventStream, send_whole_stream, serve_stream_events, watch

__all__ = ["Post"]

_PATIENCE = 10.0
"""Seconds after which an unanswered request turns into a stream, whose comments keep the connection open."""

Answer = Response | ErrorResponse
Serving = Coroutine[Any, Any, Answer | None]
"""A handler under way; it gives None if its request was cancelled."""


class Post(msgspec.Struct, eq=False):
    """One POST with a request in it.

    `new_stream` makes the stream, if there is to be one. `status` gives the HTTP status of an error sent as JSON.
    `on_stream` is called when the response turns out to be a stream. `elsewhere` takes requests for a client that
    accepts no stream as this response. With `cancels`, a client that leaves cancels its request.
    """

    request: HttpRequest
    new_stream: Callable[[], EventStream]
    status: Callable[[ErrorResponse], int] = lambda _error: 200
    on_stream: Callable[[EventStream], None] = lambda _stream: None
    elsewhere: Callable[[Message], None] = lambda _message: None
    cancels: bool = False
    answered: Answer | None = None
    _stream: EventStream | None = None

    def send(self, message: Message) -> None:
        """Put a message that belongs to the request on its stream."""
        if self.streams:
            stream = self.stream
            if stream.behind and isinstance(message, Notification) and message.method in DISPENSABLE:
                return
            stream.put(encode(message))
        elif isinstance(message, Request):
            self.elsewhere(message)

    @property
    def streams(self) -> bool:
        """Whether the client takes event streams."""
        return self.request.takes[1]

    @property
    def stream(self) -> EventStream:
        """The stream, made when somebody needs it."""
        if self._stream is None:
            self._stream = self.new_stream()
        return self._stream

    def interrupt(self) -> None:
        """Let the connection go, not the stream: the client comes back for the rest."""
        self.stream.interrupt()

    async def respond(self, exchange: Exchange, serving: Serving) -> None:
        """Serve the request and send the response."""
        try:
            awaited = serving.send(None)
        except StopIteration as finished:
            self.answered = finished.value
            await self._send_at_once()
        else:
            await self._send_in_time(exchange, _resumed(serving, awaited))

    def _send_at_once(self) -> Awaitable[None]:
        answer = self.answered
        if answer is not None and (self._stream is None or not self._stream.total) and self._takes_json(answer):
            return send_json(self.request.send, encode_answer(answer), self._status(answer))
        self._conclude()
        self.on_stream(self.stream)
        return send_whole_stream(self.request, self.stream)

    async def _send_in_time(self, exchange: Exchange, serving: Awaitable[Answer | None]) -> None:
        companion = asyncio.create_task(self._look_after_client(exchange))
        task = exchange.task = asyncio.current_task()
        try:
            self.answered = await serving
        except asyncio.CancelledError:
            if not exchange.cancelled:
                companion.cancel()
                raise
        exchange.task = None
        if exchange.cancelled and task is not None:
            task.uncancel()  # it was the request that was cancelled, and this task has more to do
        self._conclude()
        await companion

    def _conclude(self) -> None:
        if self.answered is not None:
            self.stream.put(encode_answer(self.answered))
        self.stream.finish()

    async def _look_after_client(self, exchange: Exchange) -> None:
        """Send the response when it shows what it is; notice if the client goes away before."""
        gone = watch(self.request, self.stream)
        try:
            await self._settle(gone)
            if self.answered is not None and self.stream.total == 1 and self._takes_json(self.answered):
                await send_json(self.request.send, self.stream.only, self._status(self.answered))
            elif not gone.done():
                self.on_stream(self.stream)
                await serve_stream_events(self.request, self.stream, 0, gone)
        finally:
            gone.cancel()
            if self.answered is None and self.cancels:
                exchange.cancel()  # also where `send` was what told us

    async def _settle(self, gone: asyncio.Task[None]) -> None:
        """Wait until it shows whether the response is an object or a stream, or the client goes away."""
        stream = self.stream
        while not (stream.finished or stream.total or stream.interrupted or gone.done()):
            if not await stream.wait(_PATIENCE) and self.streams:
                return

    def _takes_json(self, answer: Answer) -> bool:
        return self.request.takes[0] or self._status(answer) != 200

    def _status(self, answer: Answer) -> int:
        return self.status(answer) if isinstance(answer, ErrorResponse) else 200


@types.coroutine
def _resumed(serving: Serving, awaited: Any) -> Generator[Any, None, Answer | None]:
    """Await a coroutine that has begun already, and waits for `awaited`."""
    while True:
        try:
            try:
                yield awaited
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is meant for the handler
                awaited = serving.throw(error)
            else:
                awaited = serving.send(None)
        except StopIteration as finished:
            return cast("Answer | None", finished.value)
