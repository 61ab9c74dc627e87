"""The wire over Streamable HTTP: each message a POST of its own, answered by JSON or by a stream of events.

Sources: `basic/transports/streamable-http` of 2026-07-28, `basic/transports#streamable-http` of 2025-11-25.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import anyio

from reference_impl.client.errors import ClientError, ConnectionClosed, HttpRefused, InvalidAnswer, SessionLost
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
    LAST_EVENT_ID,
    PROTOCOL_VERSION,
    SESSION_ID,
    SSE_TYPE,
    media_type,
    request_headers,
)

__all__ = ["HttpWire"]

_logger = logging.getLogger(__name__)
_FAREWELL = 2.0
"""Seconds that cancelling a request or ending a session may take."""
_LASTING = 10.0
"""Seconds after which a quiet stream that ends is no failure, but the patience of something between."""
_CONNECT_TIMEOUT = 10.0
_BODY_LIMIT = 64 * 1024 * 1024


def _ignore(_: Request | Notification) -> None:
    """Take what comes before anybody listens."""


class HttpWire:
    """A client's side of one endpoint; see `Wire`. Make it inside a running event loop, and close it."""

    def __init__(self, url: str, settings: ClientSettings) -> None:
        self.revision = LATEST
        self._url = url
        self._settings = settings
        self._session: str | None = None
        self._authorization: Mapping[str, str] | None = None
        self._established = anyio.Event()
        self._deliver: Deliver = _ignore
        connector = aiohttp.TCPConnector(limit=0, ssl=settings.ssl_context or True)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_TIMEOUT)
        # No cookies: nothing but the specification's own headers ties one request to the next.
        self._http = aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())

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
        stream = EventStream(request.id, self.revision, self._deliver)
        async with self._open("POST", headers, encode(request)) as response:
            self._check_session(response, headers)
            if request.method == "initialize":
                self._session = response.headers.get(SESSION_ID)
            if response.status != 200 or media_type(response.headers.get("content-type")) != SSE_TYPE:
                return await self._answer(response, request)
            answer = await self._follow(stream, response)
        return answer or await self._resume(stream)

    async def _answer(self, response: aiohttp.ClientResponse, request: Request) -> Answer:
        """Find the answer in a body that is no stream."""
        body = await _read(response)
        refused = HttpRefused(response.status, body.decode(errors="replace"), response.headers.get("www-authenticate"))
        try:
            messages = read_messages(body, self.revision)
        except MalformedError as error:
            raise (refused if response.status != 200 else InvalidAnswer(error.message)) from None
        for message in messages:
            match message:
                case Request() | Notification():
                    self._deliver(message)
                case Response(identifier) if identifier == request.id:
                    return message
                case ErrorResponse(identifier) if identifier in (request.id, None):
                    return message
        if response.status != 200:
            raise refused
        raise InvalidAnswer("the body of the HTTP response holds no answer to the request")

    async def _follow(self, stream: EventStream, response: aiohttp.ClientResponse) -> Answer | None:
        """Read a stream to its answer, or to its end; a broken stream that can be resumed counts as ended."""
        try:
            async for chunk in response.content.iter_any():
                answer = stream.feed(chunk)
                if answer is not None:
                    return answer
        except aiohttp.ClientError as error:
            if not stream.resumable:
                raise ConnectionClosed(f"the event stream broke: {error}") from error
        return None

    async def _resume(self, stream: EventStream) -> Answer:
        """Ask for the rest of a stream, after the pause that the server wished for, until it brings the answer."""
        while stream.resumable:
            await anyio.sleep(stream.next_pause())
            headers = self._get_headers() | {LAST_EVENT_ID: stream.last_event_id or ""}
            async with self._open("GET", headers) as response:
                self._check_session(response, headers)
                if response.status != 200 or media_type(response.headers.get("content-type")) != SSE_TYPE:
                    raise ConnectionClosed(f"the stream could not be resumed: HTTP {response.status}")
                answer = await self._follow(stream.resumed(), response)
            if answer is not None:
                return answer
        raise ConnectionClosed("the event stream ended before the answer")

    async def send(self, message: Notification | Response | ErrorResponse) -> None:
        """POST a message that has no answer."""
        headers = request_headers(message, self.revision, session=self._session)
        async with self._open("POST", headers, encode(message)) as response:
            self._check_session(response, headers)
            if response.status >= 300:
                raise HttpRefused(response.status, (await _read(response)).decode(errors="replace"))

    async def _cancel(self, request: Request) -> None:
        with anyio.move_on_after(_FAREWELL, shield=True):
            try:
                await self.send(Notification("notifications/cancelled", {"requestId": request.id}))
            except ClientError as error:
                _logger.debug("the cancellation was not delivered: %s", error)

    # What the server sends on its own account ---------------------------------------------------

    def established(self) -> None:
        """Let `run` open the stream on which a legacy server speaks on its own account."""
        self._established.set()

    async def run(self, deliver: Deliver) -> None:
        """Hold the GET stream of each session while the server offers one (2025-03-26 to 2025-11-25)."""
        self._deliver = deliver
        while True:
            await self._established.wait()
            self._established = anyio.Event()
            if self.revision.sessions:
                await self._listen(EventStream(None, self.revision, deliver))

    async def _listen(self, stream: EventStream) -> None:
        while not stream.exhausted:
            headers = self._get_headers()
            if stream.last_event_id is not None:
                headers[LAST_EVENT_ID] = stream.last_event_id
            opened = anyio.current_time()
            try:
                async with self._open("GET", headers) as response:
                    if response.status != 200 or media_type(response.headers.get("content-type")) != SSE_TYPE:
                        return  # 405: this server has nothing to say; 404: the session is over
                    await self._follow(stream.resumed(), response)
            except ClientError as error:
                _logger.debug("the server's own stream broke: %s", error)
            if anyio.current_time() - opened > _LASTING:
                stream.forgive()
            await anyio.sleep(stream.next_pause())

    # HTTP ---------------------------------------------------------------------------------------

    def _get_headers(self) -> dict[str, str]:
        headers = {"accept": SSE_TYPE}
        if self.revision.version_header:
            headers[PROTOCOL_VERSION] = self.revision.name
        if self._session is not None:
            headers[SESSION_ID] = self._session
        return headers

    def _check_session(self, response: aiohttp.ClientResponse, headers: Mapping[str, str]) -> None:
        if response.status == 404 and SESSION_ID in headers:
            raise SessionLost("the server has ended the session")

    @asynccontextmanager
    async def _open(
        self, method: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one HTTP request and give its response, which is closed unless it was read to its end."""
        try:
            response = await self._authorized(method, headers, body)
            try:
                yield response
            finally:
                response.release()
        except aiohttp.ClientError as error:
            raise ConnectionClosed(f"{self._url}: {error or type(error).__name__}") from error

    async def _authorized(self, method: str, headers: Mapping[str, str], body: bytes | None) -> aiohttp.ClientResponse:
        """Send with authorization; where the server refuses it, ask once for a better one."""
        authorize = self._settings.authorize
        if authorize is not None and self._authorization is None:
            self._authorization = await authorize(None)
        response = await self._request(method, headers, body)
        if response.status not in (401, 403) or authorize is None:
            return response
        challenge = response.headers.get("www-authenticate")
        response.release()
        self._authorization = await authorize(challenge)
        return await self._request(method, headers, body)

    async def _request(self, method: str, headers: Mapping[str, str], body: bytes | None) -> aiohttp.ClientResponse:
        everything = {**self._settings.headers, **(self._authorization or {}), **headers}
        return await self._http.request(method, self._url, headers=everything, data=body, allow_redirects=False)

    async def aclose(self) -> None:
        """End the session, where there is one, and close every connection."""
        with anyio.CancelScope(shield=True):
            with anyio.move_on_after(_FAREWELL):
                await self._end_session()
            await self._http.close()

    async def _end_session(self) -> None:
        if self._session is None:
            return
        try:
            # A server may answer 405: its clients are not to end sessions. Nothing is to be done then.
            async with self._open("DELETE", self._get_headers()):
                self._session = None
        except ConnectionClosed as error:
            _logger.debug("the session was not ended: %s", error)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _BODY_LIMIT:
            raise InvalidAnswer(f"the body is longer than {_BODY_LIMIT} bytes")
    return bytes(body)
