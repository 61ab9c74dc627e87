"""A call over HTTP that was begun: on a connection and in a greenlet of its own, so that it can be taken back."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent

from loadtest.exchange import CANCELLED, Exchange
from loadtest.http_connection import HttpConnection
from loadtest.incoming import PROGRESS, hear
from loadtest.wire import Expected

__all__ = ["HttpUnderway"]


class HttpUnderway:
    """`cancelled` tells the target, given the request's id; `landed` takes the call back from whoever finished it."""

    def __init__(
        self,
        line: HttpConnection,
        request: bytes,
        expected: Expected,
        cancelled: Callable[[int], None],
        landed: Callable[[HttpUnderway, Exchange], None],
    ) -> None:
        self.line = line
        self._expected = expected
        self._cancelled = cancelled
        self._landed = landed
        self._first_progress: float | None = None
        self._taken_back = False
        self._tell = line.on_other
        line.on_other = self._hear
        self._sent = time.perf_counter()
        self._reader = gevent.spawn(line.exchange, request, expected)

    @property
    def request_id(self) -> int:
        """The id that the request bears."""
        return self._expected.request_id

    def finish(self) -> Exchange:
        """Wait for what becomes of it."""
        outcome = self._reader.get()
        if isinstance(outcome, Exchange):
            # A server may have ended the stream before we did, which is what it was asked for.
            failure = CANCELLED if self._taken_back and outcome.message is None else outcome.failure
            exchange = outcome._replace(failure=failure, first_progress=self._first_progress)
        else:  # the greenlet was ended
            now = time.perf_counter()
            exchange = Exchange(self._sent, now, now, 0, CANCELLED, self._first_progress)
        self._landed(self, exchange)
        return exchange

    def cancel(self) -> None:
        """Tell the target, then close the connection: on a modern revision that alone says it
        (2026-07-28 `basic/patterns/cancellation#transport-specific-cancellation`)."""
        if not self._reader.ready():
            self._taken_back = True
            self._cancelled(self.request_id)
            self.drop()

    def drop(self) -> None:
        """Close the connection, answered or not."""
        if not self._reader.ready():
            self._reader.kill()
            self.line.close()

    def _hear(self, message: bytes | str, at: float) -> None:
        if self._first_progress is None:
            notice, _ = hear(message, at, {})
            if notice is not None and notice.method == PROGRESS:
                self._first_progress = at
        self._tell(message, at)
