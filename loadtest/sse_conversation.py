"""HTTP with SSE (2024-11-05) as a link: one stream that brings everything, one connection that takes the posts.

Source: `basic/transports#http-with-sse` of 2024-11-05. There is no session but the stream: with it all is lost.
"""

from __future__ import annotations

import time

import gevent
import gevent.event
import gevent.lock
import gevent.socket
import httptools

from loadtest.channel import Channel
from loadtest.channel_conversation import handshake
from loadtest.exchange import Client, Exchange, OpeningError, failure_of
from loadtest.http_connection import HttpConnection
from loadtest.sample import Failure
from loadtest.sockets import connect
from loadtest.wire import Endpoint, initialized, post
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.errors import ProtocolError
from reference_impl.protocol.legacy_sse import LegacySseReader
from reference_impl.protocol.streamable import SSE_TYPE, media_type, request_headers

__all__ = ["SseLink"]

_CHUNK = 65536


class SseLink:
    """The stream at `endpoint`, and the posts to the address that it names."""

    renewable = True

    def __init__(self, endpoint: Endpoint, client: Client) -> None:
        self.client = client
        self._endpoint = endpoint
        self.channel = Channel(client, self._post)
        self._posting = gevent.lock.BoundedSemaphore(1)
        self._stream: _Stream | None = None
        self._posts: HttpConnection | None = None
        self._head = b""

    def open(self) -> Exchange:
        """Open the stream, wait for the address to post to, do the handshake. Raises `OpeningError`.

        A stream that is open is left for another.
        """
        self.close()
        self.channel = channel = Channel(self.client, self._post)
        began = time.perf_counter()
        self._stream = stream = _Stream(self._endpoint, channel)
        failure = stream.open(self.client.timeout)
        if failure is None:
            posts = self._endpoint.at(stream.reader.endpoint or "")
            self._posts = HttpConnection(posts, self.client, _nothing_said)
            self._head = posts.head(request_headers(initialized(), self.client.revision))
            try:
                return handshake(channel, self.client, began)._replace(sent=began)
            except OpeningError as problem:
                failure = problem.failure
        self.close()
        raise OpeningError(failure)

    def close(self) -> None:
        """Close the stream and the posts' connection."""
        self.channel.end(Failure(ErrorClass.TRANSPORT, "closed", "the conversation was closed"))
        if self._stream is not None:
            self._stream.close()
        if self._posts is not None:
            self._posts.close()

    def _post(self, message: bytes) -> Failure | None:
        assert self._posts is not None
        with self._posting:
            return self._posts.exchange(post(self._head, message), None).failure


def _nothing_said(message: bytes | str, at: float) -> None:
    """Answers to posts are statuses alone."""


class _Stream:
    """The GET of the stream; httptools calls the methods that begin with `on_`."""

    def __init__(self, endpoint: Endpoint, channel: Channel) -> None:
        self._endpoint = endpoint
        self._channel = channel
        self.reader = LegacySseReader(endpoint.url)
        self._parser = httptools.HttpResponseParser(self)
        self._type = ""
        self._at = 0.0
        self._ended = False
        self._refused: Failure | None = None
        self._ready = gevent.event.Event()
        self._socket: gevent.socket.socket | None = None
        self._greenlet: gevent.Greenlet | None = None

    def open(self, timeout: float) -> Failure | None:
        """Ask for the stream and wait until it names the address to post to; return why it did not."""
        began, stage = time.perf_counter(), "connect"
        try:
            self._socket = connect(self._endpoint, timeout)
            stage = "send"
            self._socket.sendall(self._endpoint.bare("GET", {"accept": SSE_TYPE}))
        except OSError as problem:
            return failure_of(problem, stage)
        self._socket.settimeout(None)
        self._greenlet = gevent.spawn(self._read, self._socket)
        if not self._ready.wait(max(0.001, began + timeout - time.perf_counter())):
            return Failure(ErrorClass.TIMEOUT, "receive", f"no endpoint within {timeout:g} s")
        return None if self.reader.endpoint is not None else self._refused or self._channel.ended

    def close(self) -> None:
        """Close the stream."""
        if self._greenlet is not None and self._greenlet is not gevent.getcurrent():
            self._greenlet.kill()
        if self._socket is not None:
            self._socket.close()

    def _read(self, sock: gevent.socket.socket) -> None:
        failure = Failure(ErrorClass.TRANSPORT, "closed", "the event stream ended")
        try:
            while not self._ended and (data := sock.recv(_CHUNK)):
                self._at = time.perf_counter()
                self._parser.feed_data(data)
        except OSError as problem:
            failure = failure_of(problem, "receive")
        except (ProtocolError, httptools.HttpParserError) as problem:
            failure = _broken(problem)
        sock.close()
        self._channel.lose(self._refused or failure)
        self._ready.set()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the type."""
        if name.lower() == b"content-type":
            self._type = media_type(value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        """Judge whether this is a stream at all."""
        status = self._parser.get_status_code()
        if status != 200:
            self._refused = Failure(ErrorClass.HTTP_STATUS, str(status), "the stream was refused")
        elif self._type != SSE_TYPE:
            self._refused = Failure(ErrorClass.TRANSPORT, "no-stream", f"the answer is of type {self._type[:100]!r}")
        self._ended = self._refused is not None

    def on_body(self, body: bytes) -> None:
        """Read events."""
        if self._refused is not None:
            return
        for message in self.reader.feed(body):
            self._channel.take(message, self._at)
        if self.reader.endpoint is not None and not self._ready.is_set():
            self._ready.set()

    def on_message_complete(self) -> None:
        """Take note of the end."""
        self._ended = True


def _broken(problem: Exception) -> Failure:
    # httptools wraps what its callbacks raise.
    cause = problem.__context__ if isinstance(problem.__context__, ProtocolError) else problem
    if isinstance(cause, ProtocolError):
        return Failure(ErrorClass.TRANSPORT, "no-stream", str(cause))
    return Failure(ErrorClass.TRANSPORT, "not-http", str(cause))
