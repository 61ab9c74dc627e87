"""A stream of events that stays open: the GET of a legacy session, `subscriptions/listen` of a modern revision."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent
import gevent.event
import gevent.socket

from loadtest.exchange import ENDED, LEFT, Exchange, failure_of
from loadtest.http_reply import HttpReplies
from loadtest.sample import Failure
from loadtest.sockets import connect
from loadtest.wire import Endpoint, Expected
from reference_impl.metrics import ErrorClass

__all__ = ["HttpStream"]

_NOBODY = Expected(0)
"""Our ids count from 1: a stream that answers nothing holds no answer."""
_CHUNK = 16384


class HttpStream:
    """One open stream. What it carries is handed to `on_other` with the time at which its bytes came.

    With `expected` the stream is the answer to a request: its first message confirms it, its result ends it. Without,
    its headers confirm it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        request: bytes,
        on_other: Callable[[bytes | str, float], None],
        expected: Expected | None,
    ) -> None:
        self._endpoint = endpoint
        self._request = request
        self._on_other = on_other
        self._confirmed_by_message = expected is not None
        self._replies = HttpReplies(self._hear)
        self._replies.expect(expected or _NOBODY)
        self._socket: gevent.socket.socket | None = None
        self._reader: gevent.Greenlet | None = None
        self._ready = gevent.event.Event()
        self._sent = self._at = self._first_byte = 0.0
        self._size = 0
        self.ended: Failure | None = None
        self.opened = Exchange(0.0, 0.0, 0.0, 0, None)

    def open(self, timeout: float) -> None:
        """Send the request and wait until the target has confirmed the stream; `ended` says where it did not."""
        self._sent = time.perf_counter()
        stage = "connect"
        try:
            self._socket = connect(self._endpoint, timeout)
            stage = "send"
            self._socket.sendall(self._request)
        except OSError as problem:
            self._end(failure_of(problem, stage))
            return
        self._socket.settimeout(None)
        self._reader = gevent.spawn(self._read, self._socket)
        if not self._ready.wait(max(0.001, self._sent + timeout - time.perf_counter())):
            self._end(Failure(ErrorClass.TIMEOUT, "receive", f"no stream within {timeout:g} s"))
            self.close()

    def close(self) -> None:
        """Close the stream, which tells the target."""
        self._end(LEFT)
        if self._reader is not None and self._reader is not gevent.getcurrent():
            self._reader.kill()
        if self._socket is not None:
            self._socket.close()

    def _read(self, sock: gevent.socket.socket) -> None:
        replies = self._replies
        try:
            while not replies.answered:
                data = sock.recv(_CHUNK)
                self._at = time.perf_counter()
                self._first_byte = self._first_byte or self._at
                self._size += len(data)
                if data:
                    replies.feed(data)
                    replies.size = 0  # its limit is for answers, which end
                else:
                    replies.end()
                if replies.streams and not self._confirmed_by_message:
                    self._confirm()
        except OSError as problem:
            self._end(failure_of(problem, "receive"))
        else:
            self._end(replies.failure or ENDED)
        sock.close()

    def _hear(self, message: bytes | str) -> None:
        self._confirm()
        self._on_other(message, self._at)

    def _confirm(self) -> None:
        if not self._ready.is_set():
            self.opened = Exchange(self._sent, self._first_byte, self._at, self._size, None)
            self._ready.set()

    def _end(self, failure: Failure) -> None:
        if self.ended is not None:
            return
        self.ended = failure
        if not self._ready.is_set():
            now = time.perf_counter()
            self.opened = Exchange(self._sent, self._first_byte or now, now, self._size, failure)
            self._ready.set()
