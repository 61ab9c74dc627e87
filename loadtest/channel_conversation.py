"""A conversation on a channel that carries answers in any order; what carries it is a link."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Protocol

import gevent
import gevent.event

from loadtest.channel import Channel, ChannelCall
from loadtest.exchange import ENDED, LEFT, Client, Exchange, OpeningError
from loadtest.incoming import Notice, capabilities_for, tell
from loadtest.sample import Failure
from loadtest.wire import Expected, Message, Prepared, initialize, initialized, listen_request
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.lifecycle import SUBSCRIPTION_ID
from reference_impl.protocol.messages import encode

__all__ = ["ChannelConversation", "Link", "handshake"]

_ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
_CANCELLED = "notifications/cancelled"


class Link(Protocol):
    """What moves the messages: a process, a socket, a stream and its posts."""

    @property
    def channel(self) -> Channel:
        """The channel of the connection that is open, or was last."""

    @property
    def client(self) -> Client:
        """Who converses."""

    @property
    def renewable(self) -> bool:
        """Whether a lost connection is opened anew, or stays lost."""

    def open(self) -> Exchange | None:
        """Connect and do the handshake. Raises `OpeningError`. Returns None where others had done it."""

    def close(self) -> None:
        """Let go of the connection."""


def handshake(channel: Channel, client: Client, began: float) -> Exchange:
    """Do the handshake of a legacy revision; on a modern one there is none, and being connected since `began` is all.

    Raises `OpeningError`.
    """
    if client.revision.modern:
        channel.greeted = True
        now = time.perf_counter()
        return Exchange(began, now, now, 0, None)
    request_id = channel.next_id()
    hello = initialize(request_id, client.revision, capabilities_for(client.answers))
    exchange = channel.ask(encode(hello), Expected(request_id)).finish()
    failure = exchange.failure or channel.notify(initialized().method)
    if failure is not None:
        raise OpeningError(failure)
    channel.greeted = True
    return exchange


class ChannelConversation:
    """One client on a link, which it may share with others; `owned` says that it closes the link with itself."""

    def __init__(self, link: Link, *, owned: bool = True) -> None:
        self._link = link
        self._owned = owned
        self._opened = False
        self._heard_on: Channel | None = None
        self.on_notice: Callable[[Notice], None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was opened, and its connection, if that could be opened anew, is not lost."""
        return self._opened and not (self._link.renewable and self._link.channel.ended is not None)

    @property
    def pid(self) -> int | None:
        """The process at the other end, where it is one of ours."""
        pid: int | None = getattr(self._link, "pid", None)
        return pid

    def open(self) -> Exchange | None:
        """See that there is a connection and the handshake is done. Raises `OpeningError`."""
        exchange = self._link.open()
        self._opened = True
        if self._heard_on is not self._link.channel:
            self._heard_on = self._link.channel
            self._heard_on.listeners.append(self._told)
        return exchange

    def call(self, template: Prepared, marker: int) -> Exchange:
        """Send an operation and wait for its answer, at most the timeout."""
        return self._link.channel.begin(template, marker).finish()

    def begin(self, template: Prepared, marker: int) -> ChannelCall:
        """Send an operation and do not wait."""
        return self._link.channel.begin(template, marker)

    def notify(self, method: str, params: dict[str, Any] | None = None) -> Failure | None:
        """Send a notification; return why that failed."""
        return self._link.channel.notify(method, params)

    def listen(self, wanted: dict[str, Any] | None = None) -> _Open | _Subscription:
        """Open a subscription; on a legacy revision the channel is all there is, and is open."""
        if not self._link.client.revision.modern:
            return _Open(self._link.channel)
        return _Subscription(self._link, wanted)

    def end_session(self) -> Exchange | None:
        """Close the connection if it is ours alone: there are no other sessions here."""
        self.close()
        return None

    def close(self) -> None:
        """Leave the link, and close it if it is ours alone."""
        if self._heard_on is not None:
            self._heard_on.listeners.remove(self._told)
            self._heard_on = None
        self._opened = False
        if self._owned:
            self._link.close()

    def _told(self, notice: Notice) -> None:
        tell(self.on_notice, notice)


class _Open:
    """Listening where one channel carries everything."""

    def __init__(self, channel: Channel) -> None:
        now = time.perf_counter()
        self._channel = channel
        self._left = False
        self.opened = Exchange(now, now, now, 0, channel.ended)

    @property
    def ended(self) -> Failure | None:
        """Why it is over."""
        return LEFT if self._left else self._channel.ended

    def close(self) -> None:
        """Nothing can be closed but the channel."""
        self._left = True


class _Subscription:
    """`subscriptions/listen` on a shared channel: confirmed by its acknowledgement, ended by its result, or by
    `notifications/cancelled` of either side (2026-07-28 `basic/patterns/subscriptions#cancellation`)."""

    def __init__(self, link: Link, wanted: dict[str, Any] | None) -> None:
        self._channel = link.channel
        self._id = self._channel.next_id()
        self._ready = gevent.event.Event()
        self._acknowledged: float | None = None
        self.ended: Failure | None = None
        self._channel.listeners.append(self._told)
        client = link.client
        message = Message("listen", listen_request(wanted), (client.revision, capabilities_for(client.answers)))
        sent = time.perf_counter()
        self._call = self._channel.ask(message.body(self._id, 0), Expected(self._id), timeout=math.inf)
        self._waiter = gevent.spawn(self._wait)
        if not self._ready.wait(client.timeout):
            self._leave(Failure(ErrorClass.TIMEOUT, "receive", f"no acknowledgement within {client.timeout:g} s"))
        at = self._acknowledged or time.perf_counter()
        self.opened = Exchange(sent, at, at, 0, None if self._acknowledged else self.ended)

    def close(self) -> None:
        """Take the request back."""
        self._leave(LEFT)

    def _leave(self, why: Failure) -> None:
        if self.ended is None:
            self.ended = why
            self._call.cancel()

    def _wait(self) -> None:
        exchange = self._call.finish()
        self._end(exchange.failure or ENDED)

    def _told(self, notice: Notice) -> None:
        if notice.method == _ACKNOWLEDGED and notice.params.get("_meta", {}).get(SUBSCRIPTION_ID) == self._id:
            self._acknowledged = self._acknowledged or notice.at
            self._ready.set()
        elif notice.method == _CANCELLED and notice.params.get("requestId") == self._id:
            self._end(ENDED)

    def _end(self, why: Failure) -> None:
        self.ended = self.ended or why
        self._ready.set()
        if self._told in self._channel.listeners:
            self._channel.listeners.remove(self._told)
