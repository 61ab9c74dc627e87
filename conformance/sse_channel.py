"""HTTP with SSE, the transport of before Streamable HTTP: events come on one stream, messages are posted elsewhere."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

import anyio

from conformance.channel import Refusal, decode
from conformance.http_reply import chunked
from conformance.links import Gone, Silence, Throttled
from conformance.target import SseTarget
from conformance.transcript import NO_JSON, Conversation, Direction, HttpHead
from reference_impl.protocol.errors import ProtocolError
from reference_impl.protocol.legacy_sse import LegacySseReader
from reference_impl.protocol.streamable import JSON_TYPE, SSE_TYPE, media_type
from reference_impl.transports.http import BadHttp, ConnectFailed, ConnectionLost, HttpPool, HttpResponse, Origin

__all__ = ["NoStream", "SseChannel", "open_sse"]

_LIMITS = (429, 503)
"""Statuses of a server that takes no more for now: of requests, or of clients."""
_END_OF_STREAM = 1.0
"""Seconds after HTTP 503 within which the end of the stream tells that it was meant for a session that is over."""
_BODY_OF_REFUSAL = 1.0
"""Seconds that the body of a refusal may take, which only explains it."""
_HTTP_ERRORS = (ConnectFailed, ConnectionLost, BadHttp)


class NoStream(Gone):
    """GET brought something else than the stream of events; `status` is that of the reply."""

    def __init__(self, head: HttpHead, body: bytes, sent: int) -> None:
        text = body.decode("utf-8", "replace")[:200] or "an empty body"
        kind = media_type(head.get("content-type")) or "no content type"
        super().__init__("a stream of events for GET", f"HTTP {head.status} ({kind}): {text}", [sent])
        self.status = head.status


class SseChannel:
    """One conversation: the open stream, and the address that it named. `ended` says why nothing more will come."""

    def __init__(self, target: SseTarget, conversation: Conversation, pool: HttpPool) -> None:
        self._target = target
        self._conversation = conversation
        self._pool = pool
        self._reader = LegacySseReader(target.url)
        self._messages: deque[bytes] = deque()
        self._chunks: AsyncIterator[bytes] = _nothing()
        self._exchanges = 1
        self._over = anyio.Event()
        self.ended = "the target ended its stream of events"

    async def start(self, stack: AsyncExitStack) -> None:
        """Open the stream and wait for the address. Raises `NoStream`, `Gone`."""
        headers = self._headers({"accept": SSE_TYPE})
        lowered = tuple((name.lower(), value) for name, value in headers)
        head = HttpHead(f"GET {_path(self._target.url)} HTTP/1.1", lowered)
        sent = self._conversation.record(Direction.SENT, b"", exchange=1, head=head)
        try:
            response = await stack.enter_async_context(
                self._pool.exchange("GET", _path(self._target.url), headers, exact=True)
            )
            answered = self._record(response, 1)
            # A stream under another content type is told of by a check; whether it is one, its first event shows.
            if response.status != 200:
                body = b""
                with anyio.move_on_after(_BODY_OF_REFUSAL):
                    body = await response.read()
                raise NoStream(answered, body, sent.index)
            self._chunks = aiter(response)
            while self._reader.endpoint is None:
                await self._read()
        except _HTTP_ERRORS as error:
            raise Gone("a stream of events for GET", str(error), [sent.index]) from None
        except anyio.EndOfStream:
            raise Gone("the address to post to, in an event called endpoint", self.ended, [sent.index]) from None
        self._conversation.record(Direction.RECEIVED, self._reader.endpoint.encode(), exchange=1)

    async def send(self, data: bytes, /) -> Refusal | None:
        """Post one message; return the reply if it is no acceptance. Raises `Gone` if none came, `Throttled`."""
        return await self._post(data, {"content-length": str(len(data))})

    async def send_pieces(self, pieces: Sequence[bytes], /) -> Refusal | None:
        """Post one message whose body comes in chunks. Returns and raises as `send`."""
        return await self._post(chunked(pieces), {"transfer-encoding": "chunked"})

    async def _post(self, body: bytes, framing: dict[str, str]) -> Refusal | None:
        assert self._reader.endpoint is not None
        self._exchanges += 1
        exchange, path = self._exchanges, _path(self._reader.endpoint)
        headers = self._headers({"content-type": JSON_TYPE, **framing})
        try:
            async with self._pool.exchange("POST", path, headers, body, exact=True) as response:
                replied = await response.read()
        except _HTTP_ERRORS as error:
            raise Gone(f"a reply to POST {path.partition('?')[0]}", str(error)) from None
        if 200 <= response.status < 300:
            return None
        if response.status in _LIMITS:
            if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
                await self._expect_stream()
            raise Throttled("a reply to POST other than a limit", f"HTTP {response.status}: no more for now")
        head, value = self._record(response, exchange), decode(replied)
        value = value if isinstance(value, dict) and "jsonrpc" in value else NO_JSON
        entry = self._conversation.record(Direction.RECEIVED, replied, value, exchange=exchange)
        return Refusal(head, replied, value, entry)

    async def _expect_stream(self) -> None:
        """Raise `Gone` if the stream has ended, or does at once: then it is no limit that the status tells of."""
        with anyio.move_on_after(_END_OF_STREAM):
            await self._over.wait()
        if self._over.is_set():
            raise Gone("a message to be accepted", f"HTTP 503, and {self.ended}")

    async def receive(self) -> bytes:
        """Return the next message. Raises `anyio.EndOfStream`."""
        while not self._messages:
            await self._read()
        return self._messages.popleft()

    async def _read(self) -> None:
        try:
            self._messages += self._reader.feed(await anext(self._chunks))
        except StopAsyncIteration:
            self._over.set()
            raise anyio.EndOfStream from None
        except (*_HTTP_ERRORS, ProtocolError) as error:
            self.ended = f"the stream of events failed: {error}"
            self._over.set()
            raise anyio.EndOfStream from None

    def _headers(self, own: dict[str, str]) -> list[tuple[str, str]]:
        groups = ({"host": urlsplit(self._target.url).netloc, "user-agent": "touchstone"}, self._target.headers, own)
        merged = {name.lower(): (name, value) for group in groups for name, value in group.items()}
        return list(merged.values())

    def _record(self, response: HttpResponse, exchange: int) -> HttpHead:
        head = HttpHead(f"HTTP/1.1 {response.status}", tuple(response.headers), response.status)
        self._conversation.record(Direction.RECEIVED, b"", exchange=exchange, head=head)
        return head


@asynccontextmanager
async def open_sse(target: SseTarget, conversation: Conversation, timeout: float) -> AsyncIterator[SseChannel]:
    """Open a conversation for the time of the block. Raises `Silence` if the stream or its first event does not come
    in time, `Gone` if there is none."""
    async with aclosing(HttpPool(Origin.of(target.url))) as pool, AsyncExitStack() as stack:
        channel = SseChannel(target, conversation, pool)
        with anyio.move_on_after(timeout) as deadline:
            await channel.start(stack)
        if deadline.cancelled_caught:
            raise Silence(f"a stream that begins with an endpoint event within {timeout:g} s", "silence")
        yield channel


def _path(url: str) -> str:
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


async def _nothing() -> AsyncIterator[bytes]:
    """Bring nothing, as a stream does that is not open yet."""
    return
    yield b""
