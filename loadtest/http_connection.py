"""One connection to an HTTP server, kept between requests: bytes out, a verdict back. What they mean is `wire`'s."""

from __future__ import annotations

import time
from collections.abc import Callable

from loadtest.exchange import Client, Exchange, failure_of
from loadtest.http_reply import HttpReplies
from loadtest.sample import Failure
from loadtest.sockets import Line, line_to
from loadtest.wire import Endpoint, Expected
from reference_impl.metrics import ErrorClass

__all__ = ["RESENT", "TWICE", "HttpConnection"]

RESENT = Failure(
    ErrorClass.TRANSPORT, "resent", "a kept connection ended before any byte of the answer; asked again on a new one"
)
"""Told beside the sample, whose request may have reached the target twice."""
TWICE = Failure(ErrorClass.JSON_RPC, "answered-twice", "a request was answered more than once")

_IDLE_SECONDS = 0.5
"""After this long without traffic the peer may have closed the connection (RFC 9112 section 9.5): look first."""
_TRAILING_SECONDS = 0.1
"""How long an answered event stream may take to end, before its connection is given up."""


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
        self._line: Line | None = None
        self.replies = HttpReplies(self._other)
        self._last_used = self._first_byte = self._at = 0.0
        self._heard = self._kept = False

    def exchange(self, request: bytes, expected: Expected | None) -> Exchange:
        """Send and receive; once more, over a new connection, where the peer had closed the one that was kept.

        It may do so at any moment after an answer, unannounced (RFC 9112 section 9.5): our request and its end cross.
        """
        kept = self._kept and self._line is not None
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
        if self._line is not None:
            self._line.close()
            self._line = None

    def _try(self, request: bytes, expected: Expected | None) -> Exchange:
        sent = time.perf_counter()
        self._first_byte, self._heard = 0.0, False
        stage = "connect"
        try:
            deadline = sent + self._client.timeout
            line = self._usable_line(sent) or self._connect(deadline)
            self.replies.expect(expected)
            stage = "send"
            line.send(request, deadline)
            stage = "receive"
            done = self._receive(line, deadline)
        except OSError as problem:
            self.close()
            done = time.perf_counter()
            return Exchange(sent, self._first_byte or done, done, 0, failure_of(problem, stage))
        self._last_used, self._kept = done, True
        replies = self.replies
        exchange = Exchange(sent, self._first_byte, done, replies.size, replies.failure, None, replies.message)
        if not (replies.complete and replies.reusable):
            self._free(line)
        if replies.twice:
            self._client.on_stray(TWICE)
        return exchange

    def _receive(self, line: Line, deadline: float) -> float:
        """Read until the verdict stands; return when the bytes that settled it came."""
        replies = self.replies
        while True:
            data = line.receive(deadline)
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

    def _free(self, line: Line) -> None:
        """Let an answered event stream end, or give the connection up."""
        replies = self.replies
        deadline = time.perf_counter() + _TRAILING_SECONDS
        try:
            while not replies.complete:
                data = line.receive(deadline)
                if not data:
                    break
                replies.feed(data)
        except OSError:
            self.close()
        if not (replies.complete and replies.reusable):
            self.close()

    def _usable_line(self, now: float) -> Line | None:
        line = self._line
        if line is not None and now - self._last_used > _IDLE_SECONDS and not line.idle():
            # Nothing is owed to us: what can be read is the end of the connection.
            self.close()
            return None
        return line

    def _connect(self, deadline: float) -> Line:
        self._line = line = line_to(self._endpoint, deadline)
        # What a parser has read so far belongs to its connection.
        self.replies = HttpReplies(self._other)
        self._kept = False
        self._last_used = time.perf_counter()
        return line
