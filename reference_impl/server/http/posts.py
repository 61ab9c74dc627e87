"""Answering a POST that holds a request: as one JSON object, or as an event stream once there is more to say.

Shared by both eras. The answer is JSON unless the handler sends something first, or takes longer than a proxy would wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from reference_impl.protocol.messages import ErrorResponse, Message, Response, encode
from reference_impl.protocol.streamable import JSON_TYPE, SSE_TYPE, accepts
from reference_impl.server.dispatch import encode_answer
from reference_impl.server.http.messages import HttpRequest, HttpResponse, json_response, send_response
from reference_impl.server.http.streams import EventStream, serve_stream_events, watch

__all__ = ["Post"]

_PATIENCE = 10.0
"""Seconds after which an unanswered request turns into a stream, whose comments keep the connection open."""


@dataclass(slots=True)
class Post:
    """One POST with a request in it.

    `send` and `reply` are what the exchange needs. `status` gives the HTTP status of an answer sent as JSON. `on_gone` is
    called if the client goes away before the answer; `headers` go with whatever is sent.
    """

    request: HttpRequest
    stream: EventStream
    status: Callable[[Response | ErrorResponse], int]
    on_gone: Callable[[], None] = lambda: None
    on_stream: Callable[[EventStream], None] = lambda _stream: None
    headers: dict[str, str] = field(default_factory=dict)
    answered: Response | ErrorResponse | None = None

    def send(self, message: Message) -> None:
        """Put a message that belongs to the request on its stream."""
        if self.streams:
            self.stream.put(encode(message))

    def reply(self, message: Response | ErrorResponse) -> None:
        """Put the answer on the stream, which ends with it."""
        self.answered = message
        self.stream.put(encode_answer(message))
        self.stream.finish()

    @property
    def streams(self) -> bool:
        """Whether the client takes event streams."""
        return accepts(self.request.headers.get("accept"), SSE_TYPE)

    async def respond(self, task: asyncio.Task[None] | None) -> None:
        """Send the response to the request that `task` serves."""
        if task is not None:
            task.add_done_callback(lambda _task: self.stream.finish())
            await asyncio.sleep(0)
        if self._plain():
            await send_response(self.request.send, self._json())
            return
        gone = watch(self.request, self.stream)
        try:
            while not self.stream.finished and not self.stream.total and not gone.done() and not self.stream.interrupted:
                if not await self.stream.wait(_PATIENCE) and self.streams:
                    break
            if gone.done() and self.answered is None:
                self.on_gone()
            elif self._plain():
                await send_response(self.request.send, self._json())
            else:
                self.on_stream(self.stream)
                await serve_stream_events(self.request, self.stream, 0, gone, self.headers)
                if self.answered is None and gone.done():
                    self.on_gone()
        finally:
            gone.cancel()

    def _plain(self) -> bool:
        if self.answered is None or self.stream.total != 1:
            return False
        return accepts(self.request.headers.get("accept"), JSON_TYPE)

    def _json(self) -> HttpResponse:
        assert self.answered is not None
        return json_response(self.stream.only, self.status(self.answered), self.headers)
