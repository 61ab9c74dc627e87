"""The answer to a POST, read from bytes as they come: status, JSON or events, verdict. No socket, no clock."""

from __future__ import annotations

from collections.abc import Callable

import httptools

from loadtest.sample import Failure
from loadtest.wire import Expected, Sign, judge
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.sse import EventReader
from reference_impl.protocol.streamable import SESSION_ID, SSE_TYPE, media_type

__all__ = ["HttpReplies"]

_SESSION_ID = SESSION_ID.encode()
_SEVERAL = 256
_LIMIT = 64 * 1024 * 1024
"""Bytes of one answer; a target that never stops must not take the generator's memory."""

_heads: dict[bytes, tuple[int, str | None]] = {}
"""Heads of whole JSON answers on kept connections: how long the body is, and the session. A server's heads repeat
themselves, and need not be parsed again."""
_REFUSALS = (401, 403)
"""Credentials are judged before the request, by whatever is in front of the server (RFC 6750, section 3.1)."""


class HttpReplies:
    """The answers on one connection, one after the other.

    `expect` begins one; after each `feed`, `answered` says that the verdict stands (`failure`, None for a good answer)
    and `complete` that the connection is free for the next request. An event stream may be answered long before it is
    complete. With `expected` None (a notification) any 2xx is a good answer. `message` is the answer as it came;
    `on_other` is called with whatever else an event stream carries, as `twice` is set by a second answer, in the stream
    or behind it.
    """

    __slots__ = (
        "_body",
        "_chunked",
        "_events",
        "_expected",
        "_first",
        "_framed",
        "_headers_done",
        "_parser",
        "_status",
        "_type",
        "answered",
        "complete",
        "failure",
        "message",
        "on_other",
        "reusable",
        "session",
        "size",
        "twice",
    )

    def __init__(self, on_other: Callable[[bytes | str], None] | None = None) -> None:
        self.on_other = on_other
        self._parser = httptools.HttpResponseParser(self)
        self._expected: Expected | None = None
        self._reset()

    def _reset(self) -> None:
        self._body: list[bytes] = []
        self._events: EventReader | None = None
        self._framed = self._chunked = self._headers_done = False
        self._first = b""
        self._status = 0
        self._type = b""
        self.session: str | None = None
        self.size = 0
        self.answered = self.complete = False
        self.reusable = True
        self.failure: Failure | None = None
        self.message: bytes | str | None = None
        self.twice = False

    @property
    def status(self) -> int:
        """The status of the response; 0 before its head has come."""
        return self._status

    def expect(self, expected: Expected | None) -> None:
        """Begin the next answer."""
        self._reset()
        self._expected = expected

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection."""
        if not self.size and self._expected is not None and self._known(data):
            return
        self.size += len(data)
        if self.size > _LIMIT:
            self._fail(ErrorClass.TRANSPORT, "too-large", f"more than {_LIMIT} bytes")
            self.reusable, self.complete = False, True
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as problem:
            switched = isinstance(problem, httptools.HttpParserUpgrade)
            why = "the server switched protocols without being asked" if switched else str(problem)
            self._fail(ErrorClass.TRANSPORT, "not-http", why)
            self.reusable, self.complete = False, True

    def _known(self, data: bytes) -> bool:
        """Take the next bytes, if they are a whole answer whose head was seen before."""
        end = data.find(b"\r\n\r\n")
        known = _heads.get(data[:end])
        if known is None:
            self._first = data
            return False
        length, self.session = known
        if len(data) != end + 4 + length:
            return False
        self.size = len(data)
        self.complete = True
        self._judge_body(data[end + 4 :])
        return True

    def _remember(self, body: bytes) -> None:
        head, blank, rest = self._first.partition(b"\r\n\r\n")
        if blank and rest == body and self._framed and not self._chunked and self.reusable:
            if len(_heads) >= _SEVERAL:
                _heads.clear()
            _heads[head] = (len(body), self.session)

    def end(self) -> None:
        """Take note that the peer closed the connection."""
        if not self.complete and self._headers_done and not self._framed:
            # RFC 9112 section 6.3: without a length, the end of the connection is the end of the message.
            self.on_message_complete()
        self._fail(ErrorClass.TRANSPORT, "closed", "the connection ended before the answer did")
        self.reusable, self.complete = False, True

    @property
    def streams(self) -> bool:
        """Whether the answer is a stream of events."""
        return self._events is not None

    # What httptools calls, in this order.

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the few headers that matter."""
        name = name.lower()
        if name == b"content-type":
            self._type = value
        elif name == _SESSION_ID:
            # httptools leaves the white space behind a value where it is.
            self.session = value.strip().decode("latin-1")
        elif name in {b"content-length", b"transfer-encoding"}:
            self._framed = True
            self._chunked = self._chunked or name == b"transfer-encoding"

    def on_headers_complete(self) -> None:
        """Choose how the body will be read."""
        if self.complete:
            # A whole further response, to nothing that was asked.
            self.twice, self.reusable = True, False
            return
        self._headers_done = True
        self._status = self._parser.get_status_code()
        self.reusable = self._parser.should_keep_alive()
        awaited = self._status == 200 and self._expected is not None
        if awaited and media_type(self._type.decode("latin-1")) == SSE_TYPE:
            self._events = EventReader()

    def on_body(self, body: bytes) -> None:
        """Collect a JSON body, or read the events that these bytes complete."""
        if self.complete:
            return
        if self._events is None:
            self._body.append(body)
            return
        for event in self._events.feed(body):
            # Messages come as events of the default type; others, such as keep-alives, are none (WHATWG HTML, 9.2).
            if event.data and event.event == "message":
                self._take(event.data)

    def on_message_complete(self) -> None:
        """Judge what is not judged yet."""
        if self.complete:
            return
        if 100 <= self._status < 200:
            size = self.size
            self.expect(self._expected)
            self.size = size
            return
        self.complete = True
        if self.answered:
            return
        if self._events is not None:
            self._fail(ErrorClass.TRANSPORT, "no-answer", "the event stream ended without the answer")
        elif self._expected is None or self._status != 200:
            self._judge_status(b"".join(self._body))
        else:
            body = b"".join(self._body)
            self._remember(body)
            self._judge_body(body)

    def _judge_body(self, body: bytes) -> None:
        self._take(body)
        self._fail(ErrorClass.JSON_RPC, "no-answer", "the body holds a message that is no answer")

    def _take(self, message: bytes | str) -> None:
        if self._expected is None:
            return
        verdict = judge(message, self._expected)
        if verdict is Sign.UNRELATED:
            if self.on_other is not None:
                self.on_other(message)
        elif self.answered:
            self.twice = True
        else:
            self.answered, self.message = True, message
            self.failure = verdict if isinstance(verdict, Failure) else None
            if self.failure is not None and self.failure.code == "wrong-id":
                # Whatever comes here next may belong to others, too.
                self.reusable = False

    def _judge_status(self, body: bytes) -> None:
        if self._expected is None and 200 <= self._status < 300:
            self.answered = True
            return
        if self._expected is not None and self._status not in _REFUSALS and body.lstrip().startswith(b"{"):
            # A JSON-RPC error says more than the status that carries it, unless nobody looked at the request.
            verdict = judge(body, self._expected)
            if isinstance(verdict, Failure) and verdict.code.lstrip("-").isdigit():
                self.answered, self.failure, self.message = True, verdict, body
        self._fail(ErrorClass.HTTP_STATUS, str(self._status), body[:200].decode("utf-8", "replace"))

    def _fail(self, error_class: ErrorClass, code: str, message: str) -> None:
        if not self.answered:
            self.answered, self.failure = True, Failure(error_class, code, message)
