"""A conversation over a byte stream: one JSON message a line, both ways, both eras (`basic/transports/stdio`).

Nothing here knows of processes or file descriptors; `reference_impl.server.stdio` brings those.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import ByteReceiveStream, ByteSendStream

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.lines import DEFAULT_LIMIT, LineReader, Overlong
from reference_impl.protocol.messages import (
    ErrorResponse,
    MalformedError,
    Message,
    Notification,
    Request,
    Response,
    decode_json,
    encode,
    parse_value,
)
from reference_impl.server.conversation import Reply, notified, open_exchange, start
from reference_impl.server.dispatch import encode_answer
from reference_impl.server.exchange import Session

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["StreamConversation", "serve_stream"]

_GRACE = 2.0
"""Seconds that requests under way get to finish after the client has closed its end."""


async def serve_stream(
    server: AdvancedMCPServer, receive: ByteReceiveStream, send: ByteSendStream, *, limit: int = DEFAULT_LIMIT
) -> None:
    """Serve one client until it closes its end, then finish what is quick and return.

    `limit` is the longest line in bytes. Closes neither stream.
    """
    outbox = _Outbox(send)
    conversation = StreamConversation(server, outbox.put)
    writer = asyncio.create_task(outbox.run())
    reader = LineReader(limit)
    try:
        async for chunk in receive:
            for line in reader.feed(chunk):
                conversation.take(line)
        conversation.take(reader.rest)
        await conversation.finish(_GRACE)
    finally:
        conversation.close()
        await outbox.finish(writer)


class _Outbox:
    """Collects what is to be written, and writes all that has gathered at once."""

    def __init__(self, send: ByteSendStream) -> None:
        self._send = send
        self._waiting: list[bytes] = []
        self._filled = asyncio.Event()
        self._ended = False

    def put(self, data: bytes) -> None:
        self._waiting.append(data)
        self._filled.set()

    async def run(self) -> None:
        while self._waiting or not self._ended:
            await self._filled.wait()
            self._filled.clear()
            batch, self._waiting = b"".join(self._waiting), []
            if batch:
                try:
                    await self._send.send(batch)
                except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
                    self.put = lambda _data: None  # type: ignore[method-assign] # nobody reads any more
                    return

    async def finish(self, writer: asyncio.Task[None]) -> None:
        self._ended = True
        self._filled.set()
        await asyncio.wait([writer], timeout=_GRACE)
        writer.cancel()


class StreamConversation:
    """One client on one stream: `take` gets its lines, `put` the bytes for it."""

    def __init__(self, server: AdvancedMCPServer, put: Callable[[bytes], None]) -> None:
        self._server = server
        self._put = put
        self._session = Session(self._send)
        self._tasks: set[asyncio.Task[None]] = set()
        server.hub.sessions.add(self._session)

    def _send(self, message: Message) -> None:
        self._put(encode(message) + b"\n")

    def _answer(self, message: Response | ErrorResponse) -> None:
        self._put(encode_answer(message) + b"\n")

    def take(self, line: bytes | Overlong) -> None:
        """Act on one line, whatever it holds."""
        try:
            if isinstance(line, Overlong):
                raise MalformedError(Code.INVALID_REQUEST, f"Invalid request: {line.size} bytes are too many for a line")
            if not line.strip():
                return
            value = decode_json(line)
            if isinstance(value, list):
                self._take_batch(value)
            else:
                self._act(parse_value(value), self._answer)
        except MalformedError as error:
            if error.answerable:
                self._answer(ErrorResponse(error.id, error.code, error.message))

    def _act(self, message: Message, reply: Reply) -> asyncio.Task[None] | None:
        match message:
            case Request():
                return self._start(message, reply)
            case Notification():
                notified(self._session, message)
            case _:
                self._session.answered(message)
        return None

    def _start(self, request: Request, reply: Reply) -> asyncio.Task[None] | None:
        try:
            task = start(self._server, open_exchange(request, self._session), self._session.running, reply)
        except RemoteProtocolError as error:
            reply(ErrorResponse(request.id, error.code, error.message, error.data))
            return None
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return task

    def _take_batch(self, values: list[Any]) -> None:
        """Serve a JSON-RPC batch, which only 2025-03-26 has (`basic/index#batching` there)."""
        if not values or not (self._session.opened and self._session.revision.batching):
            raise MalformedError(Code.INVALID_REQUEST, "Invalid request: batches are not part of this revision")
        answers: list[Response | ErrorResponse] = []
        tasks = [task for value in values if (task := self._take_member(value, answers.append)) is not None]

        async def reply_together() -> None:
            if tasks:
                await asyncio.wait(tasks)
            if answers:
                self._put(b"[" + b",".join(map(encode_answer, answers)) + b"]\n")

        together = asyncio.create_task(reply_together())
        self._tasks.add(together)
        together.add_done_callback(self._tasks.discard)

    def _take_member(self, value: Any, reply: Reply) -> asyncio.Task[None] | None:
        try:
            message = parse_value(value)
            if isinstance(message, Request) and message.method == "initialize":
                raise MalformedError(Code.INVALID_REQUEST, "Invalid request: initialize must stand alone", message.id)
            return self._act(message, reply)
        except MalformedError as error:
            if error.answerable:
                reply(ErrorResponse(error.id, error.code, error.message))
            return None

    async def finish(self, grace: float) -> None:
        """Let the requests under way finish, `grace` seconds at most; listen streams end now."""
        for subscription in list(self._server.hub.subscriptions):
            if subscription.exchange.send == self._session.send:
                subscription.exchange.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)

    def close(self) -> None:
        """Stop everything."""
        self._server.hub.sessions.discard(self._session)
        self._session.close()
        for task in self._tasks:
            task.cancel()
