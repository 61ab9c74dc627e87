"""Answering a POST that holds a request: as one JSON object, or as an event stream once there is more to say.

Shared by both eras. The answer is JSON unless the handler sends something first, or takes longer than a proxy would
wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from reference_impl.protocol.messages import ErrorResponse, Message, Request, Response, encode
from reference_impl.protocol.streamable import JSON_TYPE, SSE_TYPE, accepts
from reference_impl.server.dispatch import encode_answer
from reference_impl.server.http.messages import HttpRequest, json_response, send_response
from reference_impl.server.http.streams import EventStream, serve_stream_events, watch

__all__ = ["Post"]

_PATIENCE = 10.0
"""Seconds after which an unanswered request turns into a stream, whose comments keep the connection open."""


@dataclass(slots=True)
class Post:
    """One POST with a request in it.

    `send` and `reply` are what the exchange needs. `status` gives the HTTP status of an answer sent as JSON.
    `on_stream` is called when the response turns out to be a stream. `elsewhere` takes requests for a client that
    accepts no stream as this response.
    """

    request: HttpRequest
    stream: EventStream
    status: Callable[[Response | ErrorResponse], int]
    on_stream: Callable[[EventStream], None] = lambda _stream: None
    elsewhere: Callable[[Message], None] = lambda _message: None
    answered: Response | ErrorResponse | None = None

    def send(self, message: Message) -> None:
        """Put a message that belongs to the request on its stream."""
        if self.streams:
            self.stream.put(encode(message))
        elif isinstance(message, Request):
            self.elsewhere(message)

    def reply(self, message: Response | ErrorResponse) -> None:
        """Put the answer on the stream, which ends with it."""
        self.answered = message
        self.stream.put(encode_answer(message))
        self.stream.finish()

    @property
    def streams(self) -> bool:
        """Whether the client takes event streams."""
        return accepts(self.request.headers.get("accept"), SSE_TYPE)

    async def respond(self, task: asyncio.Task[None] | None, on_gone: Callable[[], None] | None = None) -> None:
        """Send the response to the request that `task` serves; `on_gone` is called if the client leaves before it."""
        if task is not None:
            task.add_done_callback(lambda _task: self.stream.finish())
            await asyncio.sleep(0)  # most handlers need one turn of the loop, and then no watch is needed
        if self._plain():
            await self._send_json()
            return
        gone = watch(self.request, self.stream)
        try:
            await self._settle(gone)
            if self._plain():
                await self._send_json()
            elif not gone.done():
                self.on_stream(self.stream)
                await serve_stream_events(self.request, self.stream, 0, gone)
            if gone.done() and self.answered is None and on_gone is not None:
                on_gone()
        finally:
            gone.cancel()

    async def _settle(self, gone: asyncio.Task[None]) -> None:
        """Wait until it shows whether the response is an object or a stream, or the client goes away."""
        stream = self.stream
        while not (stream.finished or stream.total or stream.interrupted or gone.done()):
            if not await stream.wait(_PATIENCE) and self.streams:
                return

    def _plain(self) -> bool:
        if self.answered is None or self.stream.total != 1:
            return False
        return self.status(self.answered) != 200 or accepts(self.request.headers.get("accept"), JSON_TYPE)

    async def _send_json(self) -> None:
        assert self.answered is not None
        await send_response(self.request.send, json_response(self.stream.only, self.status(self.answered)))
