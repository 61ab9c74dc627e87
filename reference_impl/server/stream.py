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
from reference_impl.server.conversation import Reply, check_batch, notified, open_exchange, start
from reference_impl.server.dispatch import encode_answer
from reference_impl.server.exchange import DISPENSABLE, Session

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["MOST_RUNNING", "MOST_UNSENT", "StreamConversation", "serve_stream"]

_GRACE = 1.5
"""Seconds that requests under way get to finish after the client has closed its end."""
MOST_RUNNING = 10_000
"""Requests of one client that are served at the same time; what goes beyond is answered with an error."""
MOST_UNSENT = 64 * 1024 * 1024
"""Bytes that may wait for a client that does not read, before nothing more is read from it."""


async def serve_stream(
    server: AdvancedMCPServer, receive: ByteReceiveStream, send: ByteSendStream, *, limit: int = DEFAULT_LIMIT
) -> None:
    """Serve one client until it closes its end, then finish what is quick and return.

    `limit` is the longest line in bytes. Closes neither stream.
    """
    outbox = _Outbox(send)
    conversation = StreamConversation(server, outbox.put, behind=outbox.behind)
    writer = asyncio.create_task(outbox.run())
    reader = LineReader(limit)
    try:
        async with server.running():
            with anyio.CancelScope() as reading:
                conversation.on_silence(reading.cancel)
                async for chunk in receive:
                    for line in reader.feed(chunk):
                        conversation.take(line)
                    await outbox.ready()
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
        self._unsent = 0
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._ended = False
        self._broken = False

    def put(self, data: bytes) -> None:
        """Queue a message as a line; it is dropped once nobody reads any more."""
        if not self._broken:
            self._waiting += (data, b"\n")
            self._unsent += len(data) + 1
            self._filled.set()

    def behind(self) -> bool:
        """Tell whether too much is unsent."""
        return self._unsent > MOST_UNSENT

    async def ready(self) -> None:
        """Wait while too much is unsent."""
        while self.behind() and not self._broken:
            self._emptied.clear()
            await self._emptied.wait()

    async def run(self) -> None:
        """Write until `finish`."""
        try:
            while self._waiting or not self._ended:
                await self._filled.wait()
                self._filled.clear()
                batch, self._waiting = b"".join(self._waiting), []
                if batch:
                    await self._send.send(batch)
                self._unsent -= len(batch)
                self._emptied.set()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            self._broken = True
            self._emptied.set()

    async def finish(self, writer: asyncio.Task[None]) -> None:
        """Write what is left, if somebody still reads."""
        self._ended = True
        self._filled.set()
        await asyncio.wait([writer], timeout=_GRACE)
        writer.cancel()


class StreamConversation:
    """One client on one ordered channel: `take` gets its messages, `put` those for it, as bytes without line ends.

    While `behind` says that the client leaves too much unread, it gets no more of what it can do without.
    """

    def __init__(
        self,
        server: AdvancedMCPServer,
        put: Callable[[bytes], None],
        principal: str | None = None,
        behind: Callable[[], bool] = lambda: False,
    ) -> None:
        self._server = server
        self._put = put
        self._behind = behind
        self._session = Session(self._send, principal)
        self._tasks: set[asyncio.Task[None]] = set()
        server.hub.sessions.add(self._session)

    def on_silence(self, act: Callable[[], None]) -> None:
        """Say what ends the conversation with a client that does not answer pings."""
        self._session.on_silence = act

    def _send(self, message: Message) -> None:
        if isinstance(message, Notification) and message.method in DISPENSABLE and self._behind():
            return
        self._put(encode(message))

    def _answer(self, message: Response | ErrorResponse) -> None:
        self._put(encode_answer(message))

    def take(self, line: bytes | Overlong) -> None:
        """Act on one line, whatever it holds; an empty one is nothing."""
        if isinstance(line, Overlong):
            text = f"Invalid request: {line.size} bytes are too many for a line"
            self._answer(ErrorResponse(None, Code.INVALID_REQUEST, text))
        elif line.strip():
            try:
                value = decode_json(line)
            except MalformedError as error:
                self._answer(ErrorResponse(None, error.code, error.message))
                return
            if isinstance(value, list):
                self._take_batch(value)
            else:
                self._take_value(value, self._answer)

    def _take_value(self, value: Any, reply: Reply, *, batched: bool = False) -> asyncio.Task[None] | None:
        try:
            message = parse_value(value)
        except MalformedError as error:
            if error.answerable:
                reply(ErrorResponse(error.id, error.code, error.message))
            return None
        match message:
            case Request():
                return self._start(message, reply, batched)
            case Notification():
                notified(self._session, message)
            case _:
                self._session.answered(message)
        return None

    def _start(self, request: Request, reply: Reply, batched: bool) -> asyncio.Task[None] | None:
        if len(self._session.running) >= MOST_RUNNING:
            text = f"Too many requests: {MOST_RUNNING} of this client are being served"
            reply(ErrorResponse(request.id, Code.INTERNAL_ERROR, text))
            return None
        try:
            exchange = open_exchange(request, self._session)
            task = start(self._server, exchange, self._session.running, reply, batched=batched)
        except RemoteProtocolError as error:
            reply(ErrorResponse(request.id, error.code, error.message, error.data))
            return None
        return None if task is None else self._track(task)

    def _track(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _take_batch(self, values: list[Any]) -> None:
        try:
            check_batch(values, self._session)
        except RemoteProtocolError as error:
            self._answer(ErrorResponse(None, error.code, error.message))
            return
        answers: list[Response | ErrorResponse] = []
        started = (self._take_value(value, answers.append, batched=True) for value in values)
        self._track(asyncio.create_task(self._reply_together([task for task in started if task], answers)))

    async def _reply_together(self, tasks: list[asyncio.Task[None]], answers: list[Response | ErrorResponse]) -> None:
        if tasks:
            await asyncio.wait(tasks)
        if answers:
            self._put(b"[" + b",".join(map(encode_answer, answers)) + b"]")

    async def finish(self, grace: float) -> None:
        """Let the requests under way finish, `grace` seconds at most; those that wait for the client end now."""
        self._session.hang_up()
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
