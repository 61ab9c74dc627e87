"""One gevent socket to an HTTP server, kept between requests: bytes out, a verdict back. What they mean is `wire`'s."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import gevent.select
import gevent.socket
import gevent.ssl

from loadtest.exchange import Client, Exchange, failure_of
from loadtest.http_reply import HttpReplies
from loadtest.sample import Failure
from loadtest.wire import Endpoint, Expected
from reference_impl.metrics import ErrorClass

__all__ = ["RESENT", "TWICE", "HttpConnection", "connect"]

RESENT = Failure(
    ErrorClass.TRANSPORT, "resent", "a kept connection ended before any byte of the answer; asked again on a new one"
)
"""Told beside the sample, whose request may have reached the target twice."""
TWICE = Failure(ErrorClass.JSON_RPC, "answered-twice", "a request was answered more than once")

_IDLE_SECONDS = 0.5
"""After this long without traffic the peer may have closed the connection (RFC 9112 section 9.5): look first."""
_TRAILING_SECONDS = 0.1
"""How long an answered event stream may take to end, before its connection is given up."""
_CHUNK = 65536


class HttpConnection:
    """Asks one thing at a time. `on_other` gets the messages that come before an answer, and when their bytes came."""

    def __init__(
        self,
        endpoint: Endpoint,
        client: Client,
        on_other: Callable[[bytes | str, float], None],
    ) -> None:
        self._endpoint = endpoint
        self._client = client
        self.on_other = on_other
        self._socket: gevent.socket.socket | None = None
        self.replies = HttpReplies(self._other)
        self._last_used = self._first_byte = self._at = 0.0
        self._heard = self._kept = False

    def exchange(self, request: bytes, expected: Expected | None) -> Exchange:
        """Send and receive; once more, over a new connection, where the peer had closed the one that was kept.

        It may do so at any moment after an answer, unannounced (RFC 9112 section 9.5): our request and its end cross.
        """
        kept = self._kept and self._socket is not None
        exchange = self._try(request, expected)
        failure = exchange.failure
        if failure is None or not kept or self._heard or failure.error_class is not ErrorClass.TRANSPORT:
            return exchange
        self._client.on_stray(RESENT)
        return self._try(request, expected)._replace(sent=exchange.sent)

    def open(self) -> Exchange:
        """Connect. Raises `OSError`."""
        began = time.perf_counter()
        self._connect(began + self._client.timeout)
        return Exchange(began, self._last_used, self._last_used, 0, None)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _try(self, request: bytes, expected: Expected | None) -> Exchange:
        sent = time.perf_counter()
        self._first_byte, self._heard = 0.0, False
        stage = "connect"
        try:
            sock = self._usable_socket(sent)
            self.replies.expect(expected)
            stage = "send"
            sock.sendall(request)
            stage = "receive"
            done = self._receive(sock, sent + self._client.timeout)
        except OSError as problem:
            self.close()
            done = time.perf_counter()
            return Exchange(sent, self._first_byte or done, done, 0, failure_of(problem, stage))
        self._last_used, self._kept = done, True
        replies = self.replies
        exchange = Exchange(sent, self._first_byte, done, replies.size, replies.failure, None, replies.message)
        if not (replies.complete and replies.reusable):
            self._free(sock)
        if replies.twice:
            self._client.on_stray(TWICE)
        return exchange

    def _receive(self, sock: gevent.socket.socket, deadline: float) -> float:
        """Read until the verdict stands; return when the bytes that settled it came."""
        replies = self.replies
        while True:
            sock.settimeout(max(0.001, deadline - time.perf_counter()))
            data = sock.recv(_CHUNK)
            self._at = at = time.perf_counter()
            self._first_byte = self._first_byte or at
            if data:
                self._heard = True
                replies.feed(data)
            else:
                replies.end()
            if replies.answered:
                return at

    def _other(self, message: bytes | str) -> None:
        self.on_other(message, self._at)

    def _free(self, sock: gevent.socket.socket) -> None:
        """Let an answered event stream end, or give the connection up."""
        replies = self.replies
        deadline = time.perf_counter() + _TRAILING_SECONDS
        try:
            while not replies.complete:
                sock.settimeout(max(0.001, deadline - time.perf_counter()))
                data = sock.recv(_CHUNK)
                if not data:
                    break
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
        return self._connect(now + self._client.timeout) if sock is None else sock

    def _connect(self, deadline: float) -> gevent.socket.socket:
        sock = connect(self._endpoint, max(0.001, deadline - time.perf_counter()))
        # What a parser has read so far belongs to its connection.
        self.replies = HttpReplies(self._other)
        self._socket, self._kept = sock, False
        self._last_used = time.perf_counter()
        return sock


def connect(endpoint: Endpoint, seconds: float) -> gevent.socket.socket:
    """Return a socket to the endpoint's server, sealed by TLS where its URL says so. Raises `OSError`."""
    sock = gevent.socket.create_connection((endpoint.host, endpoint.port), seconds)
    try:
        sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        if endpoint.tls:
            sock = _tls_context().wrap_socket(sock, server_hostname=endpoint.host)
    except OSError:
        sock.close()
        raise
    return sock


@functools.cache
def _tls_context() -> gevent.ssl.SSLContext:
    # Reading the trusted certificates takes milliseconds, in which nobody else would be served.
    return gevent.ssl.create_default_context()
