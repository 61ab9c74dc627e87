"""The wire over Streamable HTTP: each message a POST of its own, answered by JSON or by a stream of events.

Sources: `basic/transports/streamable-http` of 2026-07-28, `basic/transports#streamable-http` of 2025-11-25.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import anyio

from reference_impl.client.endpoint import REFUSED, Endpoint, read_body
from reference_impl.client.errors import (
    AuthorizationFailed,
    ClientError,
    ConnectionClosed,
    HttpRefused,
    InvalidAnswer,
    SessionLost,
)
from reference_impl.client.event_stream import EventStream
from reference_impl.client.settings import ClientSettings
from reference_impl.client.wire import NEVER_CANCELLED, Answer, Deliver, read_messages
from reference_impl.protocol.messages import (
    ErrorResponse,
    MalformedError,
    Notification,
    Request,
    Response,
    encode,
)
from reference_impl.protocol.revisions import LATEST
from reference_impl.protocol.streamable import (
    JSON_TYPE,
    LAST_EVENT_ID,
    PROTOCOL_VERSION,
    SESSION_ID,
    SSE_TYPE,
    media_type,
    request_headers,
)
from reference_impl.transports.http_link import HttpReply
from reference_impl.transports.http_terms import HttpError

__all__ = ["HttpWire"]

_logger = logging.getLogger(__name__)
_FAREWELL = 2.0
"""Seconds that cancelling a request or ending a session may take."""
_OPENING = 0.5
"""Seconds that the server may take to open the stream on which it speaks on its own account."""
_LASTING = 10.0
"""Seconds after which a quiet stream that ends is no failure, but the patience of something between."""
_ACTS = frozenset({"tools/call"})
"""What must not be sent twice where nobody can tell whether the first one was served."""


def _ignore(_: Request | Notification | Response) -> None:
    """Take what comes before anybody listens."""


class HttpWire:
    """A client's side of one endpoint; see `Wire`. Make it inside a running event loop, and close it."""

    def __init__(self, url: str, settings: ClientSettings) -> None:
        self.revision = LATEST
        self._endpoint = Endpoint(url, settings)
        self._session: str | None = None
        self.initialize_status: int | None = None
        """The HTTP status that the last `initialize` met: it may tell of an older transport."""
        self._established = anyio.Event()
        self._heard = anyio.Event()
        handlers = settings.handlers
        self._asked = any((handlers.sampling, handlers.elicitation, handlers.roots))
        self._deliver: Deliver = _ignore

    # Requests and their answers -----------------------------------------------------------------

    async def exchange(self, request: Request, schema: Any = None) -> Answer:
        """POST a request and wait for its answer; see `Wire.exchange`.

        Where the answer's stream breaks, it is resumed by GET as long as the server has numbered its events.
        """
        try:
            return await self._exchange(request, schema)
        except anyio.get_cancelled_exc_class():
            # Leaving closed the response, which is the whole cancellation at 2026-07-28 and none at all before it.
            if not self.revision.disconnect_cancels and request.method not in NEVER_CANCELLED:
                await self._cancel(request)
            raise

    async def _exchange(self, request: Request, schema: Any) -> Answer:
        headers = request_headers(request, self.revision, session=self._session, schema=schema)
        if request.method == "initialize":
            self._session = None
            headers.pop(SESSION_ID, None)
        body = encode(request)
        reply = await self._endpoint.request("POST", headers, body, replayable=request.method not in _ACTS)
        try:
            with reply:
                return await self._answer(reply, request, headers)
        except HttpError as error:
            raise self._endpoint.broken(error) from error

    async def _answer(self, reply: HttpReply, request: Request, headers: Mapping[str, str]) -> Answer:
        """Find the answer, wherever the server put it."""
        self._check_session(reply, headers)
        if request.method == "initialize":
            self._session = reply.headers.get(SESSION_ID)
            self.initialize_status = reply.status
        coding = _coding(reply)
        if coding is not None and reply.status == 200:
            raise InvalidAnswer(f"the answer is compressed ({coding}), though the request asked for none of that")
        if not _streams(reply):
            return self._find(reply, await read_body(reply), request)
        stream = EventStream(request.id, self.revision, self._deliver)
        return await self._follow(stream, reply) or await self._resume(stream)

    def _find(self, reply: HttpReply, body: bytes, request: Request) -> Answer:
        """Find the answer in a body that is no stream."""
        if reply.status in REFUSED:
            raise _refused(reply, body)  # whatever the body says: it is a matter of HTTP, and of the challenge
        try:
            messages = read_messages(body, self.revision)
        except MalformedError as error:
            if reply.status != 200:
                raise _refused(reply, body) from None
            kind = media_type(reply.headers.get("content-type"))
            hint = "" if kind == JSON_TYPE else f"; it says that it is {kind or 'nothing known'}: is this the endpoint?"
            raise InvalidAnswer(f"{error.message}{hint}") from None
        for message in messages:
            match message:
                case Response(identifier) if identifier == request.id:
                    return message
                case ErrorResponse(identifier) if identifier in (request.id, None):
                    return message
                case Request() | Notification():
                    self._deliver(message)
        if reply.status != 200:
            raise _refused(reply, body)
        raise InvalidAnswer("the body of the HTTP response holds no answer to the request")

    async def _follow(self, stream: EventStream, reply: HttpReply) -> Answer | None:
        """Read a stream to its answer, or to its end; a broken stream that can be resumed counts as ended."""
        try:
            while (chunk := await reply.chunk()) is not None:
                answer = stream.feed(chunk)
                if answer is not None:
                    return answer
        except HttpError as error:
            if not stream.resumable:
                raise ConnectionClosed(f"the event stream broke: {error}") from error
        return None

    async def _resume(self, stream: EventStream) -> Answer:
        """Ask for the rest of a stream, after the pause that the server wished for, until it brings the answer."""
        while stream.resumable:
            await anyio.sleep(stream.next_pause())
            headers = self._get_headers() | {LAST_EVENT_ID: stream.last_event_id or ""}
            reply = await self._endpoint.request("GET", headers)
            with reply:
                self._check_session(reply, headers)
                if not _streams(reply):
                    raise ConnectionClosed(f"the stream could not be resumed: HTTP {reply.status}")
                answer = await self._follow(stream.resumed(), reply)
            if answer is not None:
                return answer
        raise ConnectionClosed("the event stream ended before the answer: the server, or something between, cut it off")

    async def send(self, message: Notification | Response | ErrorResponse) -> None:
        """POST a message that has no answer."""
        await self._post(message)

    async def _post(self, message: Notification | Response | ErrorResponse, *, asks: bool = True) -> None:
        headers = request_headers(message, self.revision, session=self._session)
        reply = await self._endpoint.request("POST", headers, encode(message), asks=asks)
        try:
            with reply:
                self._check_session(reply, headers)
                if reply.status >= 300:
                    raise _refused(reply, await read_body(reply))
        except HttpError as error:
            raise self._endpoint.broken(error) from error

    async def _cancel(self, request: Request) -> None:
        with anyio.move_on_after(_FAREWELL, shield=True):
            try:
                await self._post(Notification("notifications/cancelled", {"requestId": request.id}), asks=False)
            except ClientError as error:
                _logger.debug("the cancellation was not delivered: %s", error)

    # What the server sends on its own account ---------------------------------------------------

    async def established(self) -> None:
        """Let `run` open the stream on which a legacy server speaks on its own account.

        A client that can be asked something waits a moment for it to stand: the very first call may ask, and there are
        servers that throw away what nobody listens to.
        """
        self._heard = anyio.Event()
        self._established.set()
        if self._asked and self.revision.sessions:
            with anyio.move_on_after(_OPENING):
                await self._heard.wait()

    async def run(self, deliver: Deliver) -> None:
        """Hold the GET stream of each session while the server offers one (2025-03-26 to 2025-11-25)."""
        self._deliver = deliver
        while True:
            await self._established.wait()
            self._established = anyio.Event()
            if self.revision.sessions:
                await self._listen(EventStream(None, self.revision, deliver))

    async def _listen(self, stream: EventStream) -> None:
        session = self._session
        while not stream.exhausted and self._session is session:  # a new session has a stream of its own
            headers = self._get_headers()
            if stream.last_event_id is not None:
                headers[LAST_EVENT_ID] = stream.last_event_id
            opened = anyio.current_time()
            try:
                if not await self._hear(stream, headers):
                    return  # 405: this server has nothing to say; 404: the session is over
            except AuthorizationFailed:
                return  # whoever makes the next request is told
            except ClientError as error:
                _logger.debug("the server's own stream broke: %s", error)
            if anyio.current_time() - opened > _LASTING:
                stream.forgive()
            await anyio.sleep(stream.next_pause())
        if stream.exhausted:
            _logger.warning("the server's own stream brought nothing too often: it is not listened to any more")

    async def _hear(self, stream: EventStream, headers: dict[str, str]) -> bool:
        """Hold one connection of the server's own stream to its end; tell whether it may be asked for again."""
        try:
            reply = await self._endpoint.request("GET", headers)
        finally:
            self._heard.set()
        stream.resumed()
        with reply:
            if _streams(reply):
                await self._follow(stream, reply)
            return _streams(reply) or reply.status >= 500

    # HTTP ---------------------------------------------------------------------------------------

    def _get_headers(self) -> dict[str, str]:
        headers = {"accept": SSE_TYPE}
        if self.revision.version_header:
            headers[PROTOCOL_VERSION] = self.revision.name
        if self._session is not None:
            headers[SESSION_ID] = self._session
        return headers

    def _check_session(self, reply: HttpReply, headers: Mapping[str, str]) -> None:
        if reply.status == 404 and SESSION_ID in headers:
            raise SessionLost("the server has ended the session: connect again")

    async def aclose(self) -> None:
        """End the session, where there is one, and close every connection."""
        with anyio.CancelScope(shield=True):
            try:
                with anyio.move_on_after(_FAREWELL):
                    await self._end_session()
            finally:
                await self._endpoint.aclose()

    async def _end_session(self) -> None:
        if self._session is None:
            return
        try:
            # A server may answer 405: its clients are not to end sessions. Nothing is to be done then.
            with await self._endpoint.request("DELETE", self._get_headers(), asks=False):
                self._session = None
        except ClientError as error:
            _logger.debug("the session was not ended: %s", error)


def _streams(reply: HttpReply) -> bool:
    return reply.status == 200 and media_type(reply.headers.get("content-type")) == SSE_TYPE


def _refused(reply: HttpReply, body: bytes) -> HttpRefused:
    return HttpRefused(reply.status, "" if _coding(reply) else body.decode(errors="replace"), reply.headers)


def _coding(reply: HttpReply) -> str | None:
    """Return how a body is compressed, which no request asks for; None if it is not."""
    coding = reply.headers.get("content-encoding", "identity")
    return None if coding == "identity" else coding
