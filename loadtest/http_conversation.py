"""One client of a Streamable HTTP endpoint: it opens, asks, listens and ends its session."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import gevent

from loadtest.exchange import Client, Exchange, OpeningError, failure_of
from loadtest.http_connection import HttpConnection
from loadtest.http_stream import HttpStream
from loadtest.http_underway import HttpUnderway
from loadtest.incoming import PROGRESS, Notice, capabilities_for, hear, tell
from loadtest.sample import Failure
from loadtest.wire import (
    Endpoint,
    Expected,
    Message,
    Prepared,
    initialize,
    initialized,
    listen_request,
    post,
)
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.messages import Notification, Request, encode
from reference_impl.protocol.streamable import PROTOCOL_VERSION, SESSION_ID, SSE_TYPE, request_headers

__all__ = ["HttpConversation"]


class HttpConversation:
    """Asks one thing at a time by `call`, over a connection that it keeps; what is begun has a connection of its own.

    Request ids count from 1, so those of many conversations collide, on purpose: a target that confuses its clients
    is found by the markers.
    """

    def __init__(self, endpoint: Endpoint, client: Client) -> None:
        self._endpoint = endpoint
        self._client = client
        self._revision = client.revision
        self._first_progress: float | None = None
        self._line = self._connection()
        self._idle: list[HttpConnection] = []
        self._begun: set[HttpUnderway] = set()
        self._streams: set[HttpStream] = set()
        self._request_id = 0
        self._session: str | None = None
        self._heads: dict[Hashable, bytes] = {}
        self.ended: str | None = None
        """The session that the target ended when it was asked to."""
        self.is_open = False
        self.on_notice: Callable[[Notice], None] | None = None

    def open(self) -> Exchange:
        """Connect and, on a legacy revision, do the handshake. Raises `OpeningError`.

        Returns the exchange that opened it: the `initialize` request, or just the connection.
        """
        self._session = None
        if self._revision.modern:
            exchange = self._connect()
        else:
            self._request_id += 1
            message = initialize(self._request_id, self._revision, capabilities_for(self._client.answers))
            exchange = self._handshake(message, Expected(self._request_id))
            self._session = self._line.replies.session
            self._handshake(initialized(), None)
        self._heads = {}
        self.is_open = True
        return exchange

    def call(self, template: Prepared, marker: int) -> Exchange:
        """Send an operation and wait for its answer, at most the timeout."""
        request, expected = self._request(template, marker)
        self._first_progress = None
        exchange = self._line.exchange(request, expected)
        if exchange.failure is not None:
            self._heed(self._line, expected.request_id, exchange.failure)
        if self._first_progress is not None:
            return exchange._replace(first_progress=self._first_progress)
        return exchange

    def begin(self, template: Prepared, marker: int) -> HttpUnderway:
        """Send an operation on a connection that nobody else uses, and do not wait."""
        call = HttpUnderway(self._spare(), *self._request(template, marker), self._cancel, self._landed)
        self._begun.add(call)
        return call

    def notify(self, method: str, params: dict[str, Any] | None = None) -> Failure | None:
        """Send a notification on a connection that nobody else uses; return why that failed."""
        return self._post_aside(encode(Notification(method, params))).failure

    def listen(self, wanted: dict[str, Any] | None = None) -> HttpStream:
        """Open a stream of what the server says on its own account: GET, or `subscriptions/listen`."""
        if self._revision.modern:
            self._request_id += 1
            message = Message("listen", listen_request(wanted), (self._revision, self._capabilities()))
            head = self._endpoint.head(message.headers(0, None))
            request = post(head, message.body(self._request_id, 0))
            stream = HttpStream(self._endpoint, request, self._hear, Expected(self._request_id))
        else:
            headers = request_headers(initialized(), self._revision, session=self._session)
            headers = {name: headers[name] for name in (PROTOCOL_VERSION, SESSION_ID) if name in headers}
            request = self._endpoint.bare("GET", {"accept": SSE_TYPE} | headers)
            stream = HttpStream(self._endpoint, request, self._hear, None)
        self._streams.add(stream)
        stream.open(self._client.timeout)
        return stream

    def end_session(self) -> Exchange | None:
        """Send DELETE for the session, where there is one. 405 is a fair answer: some servers let no client end it."""
        self.is_open = False
        if self._session is None:
            return None
        headers = request_headers(initialized(), self._revision, session=self._session)
        del headers["content-type"]
        session, self._session = self._session, None
        exchange = self._line.exchange(self._endpoint.bare("DELETE", headers), None)
        self.ended = session if exchange.failure is None else None
        if exchange.failure is not None and exchange.failure.code == "405":
            return exchange._replace(failure=None)
        return exchange

    def resume(self, session: str) -> None:
        """Take a session for open that began elsewhere, whatever has become of it."""
        self._session, self._heads, self.is_open = session, {}, True

    def close(self) -> None:
        """Close all connections."""
        for stream in self._streams:
            stream.close()
        for call in list(self._begun):
            call.drop()
        for line in (self._line, *self._idle):
            line.close()
        self._streams, self._begun, self._idle = set(), set(), []

    def _request(self, template: Prepared, marker: int) -> tuple[bytes, Expected]:
        """Return the bytes of a request with an id of its own, and what marks its answer."""
        self._request_id += 1
        head = self._heads.get(template.head_key)
        if head is None:
            head = self._endpoint.head(template.headers(marker, self._session))
            if template.head_key is not None:
                self._heads[template.head_key] = head
        expected = Expected(self._request_id, b"%d" % marker if template.echoes else None)
        return post(head, template.body(self._request_id, marker)), expected

    def _heed(self, line: HttpConnection, request_id: int, failure: Failure) -> None:
        if failure.error_class is ErrorClass.TIMEOUT and failure.code == "receive":
            # Who gives up says so (`basic/lifecycle#timeouts`), and does not wait for that as well.
            gevent.spawn(self._cancel, request_id)
        if self._session is not None and line.replies.status == 404:
            # An ended session, whatever else the answer says: the client must start a new one
            # (`basic/transports#session-management`).
            self.is_open = False

    def _spare(self) -> HttpConnection:
        return self._idle.pop() if self._idle else self._connection()

    def _connection(self) -> HttpConnection:
        return HttpConnection(self._endpoint, self._client, self._hear)

    def _landed(self, call: HttpUnderway, exchange: Exchange) -> None:
        """Keep the connection of a call that was answered for the next one."""
        self._begun.discard(call)
        call.line.on_other = self._hear
        self._idle.append(call.line)
        if exchange.failure is not None:
            self._heed(call.line, call.request_id, exchange.failure)

    def _cancel(self, request_id: int) -> None:
        """Take a request back, where that takes a message: on a legacy revision a lost connection does not do it
        (`basic/transports#sending-messages-to-the-server`)."""
        if not self._revision.modern:
            self.notify("notifications/cancelled", {"requestId": request_id})

    def _capabilities(self) -> dict[str, Any]:
        return capabilities_for(self._client.answers)

    def _connect(self) -> Exchange:
        try:
            return self._line.open()
        except OSError as problem:
            raise OpeningError(failure_of(problem, "connect")) from problem

    def _handshake(self, message: Request | Notification, expected: Expected | None) -> Exchange:
        headers = request_headers(message, self._revision, session=self._session)
        exchange = self._line.exchange(post(self._endpoint.head(headers), encode(message)), expected)
        if exchange.failure is not None:
            self._line.close()
            raise OpeningError(exchange.failure)
        return exchange

    def _post_aside(self, message: bytes) -> Exchange:
        headers = request_headers(initialized(), self._revision, session=self._session)
        line = self._spare()
        exchange = line.exchange(post(self._endpoint.head(headers), message), None)
        self._idle.append(line)
        return exchange

    def _hear(self, message: bytes | str, at: float) -> None:
        notice, reply = hear(message, at, self._client.answers)
        if reply is not None:
            gevent.spawn(self._post_aside, reply)
        if notice is not None and notice.method == PROGRESS and self._first_progress is None:
            self._first_progress = at
        tell(self.on_notice, notice)
