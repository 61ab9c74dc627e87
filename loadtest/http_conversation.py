"""One client of an HTTP endpoint on one gevent socket: it opens, asks and closes; what the bytes mean is `wire`'s."""

from __future__ import annotations

import functools
import time

import gevent.select
import gevent.socket
import gevent.ssl

from loadtest.exchange import Exchange, OpeningError, failure_of
from loadtest.http_reply import HttpReplies
from loadtest.wire import Endpoint, Expected, Template, initialize, initialized, post
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.messages import Notification, Request, encode
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.streamable import request_headers

__all__ = ["HttpConversation"]

_IDLE_SECONDS = 0.5
"""After this long without traffic the peer may have closed the connection (RFC 9112 section 9.5): look first."""
_TRAILING_SECONDS = 0.1
"""How long an answered event stream may take to end, before its connection is given up."""
_CHUNK = 65536


class HttpConversation:
    """Asks one thing at a time, over a connection that it keeps.

    Request ids count from 1, so those of many conversations collide, on purpose: a target that confuses its clients
    is found by the markers. No method but `open` raises for what the target does.
    """

    def __init__(self, endpoint: Endpoint, revision: Revision, timeout: float) -> None:
        self._endpoint = endpoint
        self._revision = revision
        self._timeout = timeout
        self._replies = HttpReplies()
        self._socket: gevent.socket.socket | None = None
        self._request_id = 0
        self._session: str | None = None
        self._heads: dict[Template, bytes] = {}
        self._last_used = self._first_byte = 0.0
        self._heard = False
        self.is_open = False

    def open(self) -> Exchange:
        """Connect and, on a legacy revision, do the handshake. Raises `OpeningError`.

        Returns the exchange that opened it: the `initialize` request, or just the connection.
        """
        self._session = None
        if self._revision.modern:
            exchange = self._connect_or_fail(time.perf_counter())
        else:
            self._request_id += 1
            exchange = self._handshake(initialize(self._request_id, self._revision), Expected(self._request_id))
            self._session = self._replies.session
            self._handshake(initialized(), None)
        self._heads = {}
        self.is_open = True
        return exchange

    def call(self, template: Template, marker: int) -> Exchange:
        """Send an operation and wait for its answer, at most the timeout."""
        self._request_id += 1
        head = self._heads.get(template)
        if head is None:
            head = self._endpoint.head(template.headers(marker, self._session))
            if template.fixed_headers:
                self._heads[template] = head
        expected = Expected(self._request_id, b"%d" % marker if template.echoes else None)
        exchange = self._exchange(post(head, template.body(self._request_id, marker)), expected)
        if self._session is not None and exchange.failure is not None and exchange.failure.code == "404":
            # An ended session: the client must start a new one (`basic/transports#session-management`).
            self.is_open = False
        return exchange

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect_or_fail(self, began: float) -> Exchange:
        try:
            self._connect(began + self._timeout)
        except OSError as problem:
            raise OpeningError(failure_of(problem, "connect")) from problem
        return Exchange(began, self._last_used, self._last_used, 0, None)

    def _handshake(self, message: Request | Notification, expected: Expected | None) -> Exchange:
        headers = request_headers(message, self._revision, session=self._session)
        exchange = self._exchange(post(self._endpoint.head(headers), encode(message)), expected)
        if exchange.failure is not None:
            self.close()
            raise OpeningError(exchange.failure)
        return exchange

    def _exchange(self, request: bytes, expected: Expected | None) -> Exchange:
        """Send and receive; once more, over a new connection, where the peer had closed the one that was kept.

        It may do so at any moment after an answer, unannounced (RFC 9112 section 9.5): our request and its end cross.
        """
        kept = self._socket
        exchange = self._try(request, expected)
        failure = exchange.failure
        crossed = failure is not None and failure.error_class is ErrorClass.TRANSPORT and not self._heard
        if kept is None or not crossed:
            return exchange
        return self._try(request, expected)._replace(sent=exchange.sent)

    def _try(self, request: bytes, expected: Expected | None) -> Exchange:
        sent = time.perf_counter()
        self._first_byte, self._heard = 0.0, False
        stage = "connect"
        try:
            sock = self._usable_socket(sent)
            self._replies.expect(expected)
            stage = "send"
            sock.sendall(request)
            stage = "receive"
            done = self._receive(sock, sent + self._timeout)
        except OSError as problem:
            self.close()
            done = time.perf_counter()
            return Exchange(sent, self._first_byte or done, done, 0, failure_of(problem, stage))
        self._last_used = done
        replies = self._replies
        exchange = Exchange(sent, self._first_byte, done, replies.size, replies.failure)
        if not (replies.complete and replies.reusable):
            self._free(sock)
        return exchange

    def _receive(self, sock: gevent.socket.socket, deadline: float) -> float:
        """Read until the verdict stands; return when the bytes that settled it came."""
        replies = self._replies
        while True:
            sock.settimeout(max(0.001, deadline - time.perf_counter()))
            data = sock.recv(_CHUNK)
            at = time.perf_counter()
            self._first_byte = self._first_byte or at
            if data:
                self._heard = True
                replies.feed(data)
            else:
                replies.end()
            if replies.answered:
                return at

    def _free(self, sock: gevent.socket.socket) -> None:
        """Let an answered event stream end, or give the connection up."""
        replies = self._replies
        sock.settimeout(_TRAILING_SECONDS)
        try:
            while not replies.complete and (data := sock.recv(_CHUNK)):
                replies.feed(data)
        except OSError:
            self.close()
        if not (replies.complete and replies.reusable):
            self.close()

    def _usable_socket(self, now: float) -> gevent.socket.socket:
        sock = self._socket
        if sock is not None and now - self._last_used > _IDLE_SECONDS and gevent.select.select([sock], [], [], 0)[0]:
            # Nothing is owed to us: what can be read is the end of the connection.
            self.close()
            sock = None
        return self._connect(now + self._timeout) if sock is None else sock

    def _connect(self, deadline: float) -> gevent.socket.socket:
        endpoint = self._endpoint
        left = max(0.001, deadline - time.perf_counter())
        sock = gevent.socket.create_connection((endpoint.host, endpoint.port), left)
        try:
            sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
            if endpoint.tls:
                sock = _tls_context().wrap_socket(sock, server_hostname=endpoint.host)
        except OSError:
            sock.close()
            raise
        # What a parser has read so far belongs to its connection.
        self._replies = HttpReplies()
        self._socket = sock
        self._last_used = time.perf_counter()
        return sock


@functools.cache
def _tls_context() -> gevent.ssl.SSLContext:
    # Reading the trusted certificates takes milliseconds, in which nobody else would be served.
    return gevent.ssl.create_default_context()
