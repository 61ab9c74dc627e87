"""Requests in flight on a channel that carries answers in any order: who waits for what, until when. Moves no bytes.

stdio, WebSocket and HTTP with SSE all come down to this; each brings a way to write a message.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any, Protocol

import gevent
import gevent.hub
from msgspec import Struct

from loadtest.exchange import CANCELLED, Client, Exchange
from loadtest.incoming import PROGRESS, Notice, hear, progress_of, response_id
from loadtest.reaper import watch
from loadtest.sample import Failure
from loadtest.wire import Expected, Prepared, Sign, judge
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.messages import Notification, encode

__all__ = ["Channel", "ChannelCall", "Writes"]


class Writes(Protocol):
    """Sends one message; returns why that failed. It may wait."""

    def __call__(self, message: bytes, /) -> Failure | None:
        """Send it."""


class _Waiting(Struct, eq=False):
    """A request in flight: who waits, for what, since when and until when."""

    waiter: gevent.hub.Waiter
    expected: Expected
    sent: float
    deadline: float
    token: str | None = None
    first_progress: float | None = None


class Channel:
    """One two-way stream of messages, as a client sees it. `end` is final: what comes later fails at once."""

    def __init__(self, client: Client, write: Writes) -> None:
        self._client = client
        self._write = write
        self._ids = itertools.count(1)
        self._issued = 0
        self._pending: dict[int, _Waiting] = {}
        self._tokens: dict[str, _Waiting] = {}
        self._abandoned: set[int] = set()
        self.listeners: list[Callable[[Notice], None]] = []
        self.greeted = False
        """Whether the handshake, where there is one, is done: its request is never taken back."""
        self.ended: Failure | None = None

    def next_id(self) -> int:
        """Return a request id that this channel has not seen."""
        self._issued = next(self._ids)
        return self._issued

    def call(self, template: Prepared, marker: int) -> Exchange:
        """Send an operation and wait for its answer, at most the timeout. Other greenlets go on meanwhile."""
        return self.begin(template, marker).finish()

    def begin(self, template: Prepared, marker: int) -> ChannelCall:
        """Send an operation."""
        request_id = self.next_id()
        expected = Expected(request_id, b"%d" % marker if template.echoes else None)
        token = str(marker) if template.progresses else None
        return self.ask(template.body(request_id, marker), expected, token)

    def ask(
        self, message: bytes, expected: Expected, token: str | None = None, timeout: float | None = None
    ) -> ChannelCall:
        """Send a request. `token` is what its progress would name; `timeout` takes the place of the client's."""
        sent = time.perf_counter()
        waiter = gevent.hub.Waiter()
        patience = self._client.timeout if timeout is None else timeout
        waiting = _Waiting(waiter, expected, sent, sent + patience, token)
        if self.ended is not None:
            _wake(waiting, sent, self.ended)
            return ChannelCall(self, waiting)
        self._pending[expected.request_id] = waiting
        if token is not None:
            self._tokens[token] = waiting
        if len(self._pending) == 1:
            watch(self)
        failure = self._write(message)
        if failure is not None and self._drop(expected.request_id) is not None:
            _wake(waiting, time.perf_counter(), failure)
        return ChannelCall(self, waiting)

    def notify(self, method: str, params: dict[str, Any] | None = None) -> Failure | None:
        """Send a notification; return why that failed."""
        return self.ended or self._write(encode(Notification(method, params)))

    def take(self, message: bytes | str, at: float) -> None:
        """Take a message that came, `at` a moment of `time.perf_counter`."""
        identifier = response_id(message)
        if identifier is None:
            self._hear(message, at)
            return
        waiting = self._drop(identifier)
        if waiting is not None:
            verdict = judge(message, waiting.expected)
            failure = verdict if isinstance(verdict, Failure) else None
            _wake(waiting, at, failure, message)
        elif identifier in self._abandoned:
            self._abandoned.discard(identifier)
        elif 0 < identifier <= self._issued:
            self._stray("answered-twice", f"a further answer to id {identifier}")
        else:
            self._stray("wrong-id", f"an answer to id {identifier}, which is not asked")

    def cancel(self, waiting: _Waiting) -> None:
        """Take a request back (`basic/utilities/cancellation`, of all revisions on a channel like this)."""
        identifier = waiting.expected.request_id
        if self._drop(identifier) is not None:
            self._abandoned.add(identifier)
            self._take_back(identifier)
            _wake(waiting, time.perf_counter(), CANCELLED)

    def lose(self, failure: Failure) -> None:
        """Take note that the connection ended by itself; where nobody waits for it, that is told as a stray."""
        if self.ended is None and not self._pending:
            self._client.on_stray(failure)
        self.end(failure)

    def end(self, failure: Failure) -> None:
        """Tell everybody who waits, and whoever comes, that the channel is over."""
        self.ended = self.ended or failure
        now = time.perf_counter()
        for identifier in list(self._pending):
            waiting = self._drop(identifier)
            if waiting is not None:
                _wake(waiting, now, failure)

    def reap(self, now: float) -> bool:
        """Give up the requests that are out of time, and tell the target so; return whether any is left."""
        late = [each for each, waiting in self._pending.items() if waiting.deadline <= now]
        for identifier in late:
            waiting = self._drop(identifier)
            if waiting is not None:
                self._abandoned.add(identifier)
                if self.greeted:  # whoever reaps must not wait for a peer that does not read
                    gevent.spawn(self._take_back, identifier)
                patience = waiting.deadline - waiting.sent
                _wake(waiting, now, Failure(ErrorClass.TIMEOUT, "receive", f"no answer within {patience:g} s"))
        return bool(self._pending)

    def _take_back(self, identifier: int) -> None:
        self.notify("notifications/cancelled", {"requestId": identifier})

    def _drop(self, identifier: int) -> _Waiting | None:
        waiting = self._pending.pop(identifier, None)
        if waiting is not None and waiting.token is not None:
            self._tokens.pop(waiting.token, None)
        return waiting

    def _hear(self, message: bytes | str, at: float) -> None:
        notice, reply = hear(message, at, self._client.answers)
        if reply is not None:
            gevent.spawn(self._write, reply)  # whoever reads must not wait for a peer that does not
        if notice is not None:
            self._hand_on(notice)
        elif reply is None and judge(message, Expected(0)) is not Sign.UNRELATED:
            said = message[:200]
            text = said if isinstance(said, str) else said.decode("utf-8", "replace")
            self._stray("stray", f"what is no message: {text}", ErrorClass.TRANSPORT)

    def _hand_on(self, notice: Notice) -> None:
        if notice.method == PROGRESS:
            waiting = self._tokens.get(progress_of(notice) or "")
            if waiting is not None and waiting.first_progress is None:
                waiting.first_progress = notice.at
        for listener in self.listeners:
            listener(notice)

    def _stray(self, code: str, message: str, error_class: ErrorClass = ErrorClass.JSON_RPC) -> None:
        self._client.on_stray(Failure(error_class, code, message))


class ChannelCall:
    """A request that was sent, whose answer will come."""

    __slots__ = ("_channel", "_waiting")

    def __init__(self, channel: Channel, waiting: _Waiting) -> None:
        self._channel = channel
        self._waiting = waiting

    @property
    def request_id(self) -> int:
        """The id that the request bears."""
        return self._waiting.expected.request_id

    def finish(self) -> Exchange:
        """Wait for what becomes of it. To be called once."""
        exchange: Exchange = self._waiting.waiter.get()
        return exchange

    def cancel(self) -> None:
        """Take the request back; nothing happens where the answer is there."""
        self._channel.cancel(self._waiting)


def _wake(waiting: _Waiting, at: float, failure: Failure | None, message: bytes | str | None = None) -> None:
    size = 0 if message is None else len(message) + 1
    exchange = Exchange(waiting.sent, at, at, size, failure, waiting.first_progress, message)
    gevent.get_hub().loop.run_callback(waiting.waiter.switch, exchange)
