"""A WebSocket as a link: one JSON-RPC message a text frame, under the sub-protocol `mcp`, on a gevent socket.

No transport of the specification but a custom one, see `reference_impl.protocol.websocket_frames`; the frames are the
`websockets` library's, without its I/O.
"""

from __future__ import annotations

import time

import gevent
import gevent.lock
import gevent.socket
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from loadtest.channel import Channel
from loadtest.channel_conversation import handshake
from loadtest.exchange import Client, Exchange, OpeningError, failure_of
from loadtest.sample import Failure
from loadtest.sockets import connect
from loadtest.wire import Endpoint
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.lines import DEFAULT_LIMIT
from reference_impl.protocol.websocket_frames import SUBPROTOCOL, CloseCode, closed_because

__all__ = ["WebSocketLink"]

_CHUNK = 65536


class WebSocketLink:
    """A socket to `endpoint`, whose URL is `ws` or `wss`."""

    renewable = True

    def __init__(self, endpoint: Endpoint, client: Client) -> None:
        self.client = client
        self._endpoint = endpoint
        self.channel = Channel(client, self._write)
        self._sending = gevent.lock.BoundedSemaphore(1)
        self._socket: gevent.socket.socket | None = None
        self._frames: ClientProtocol | None = None
        self._reader: gevent.Greenlet | None = None

    def open(self) -> Exchange:
        """Connect, do the WebSocket's handshake and the protocol's. Raises `OpeningError`.

        A socket that is open is left for another.
        """
        self.close()
        self.channel = Channel(self.client, self._write)
        began, stage = time.perf_counter(), "connect"
        try:
            self._socket = connect(self._endpoint, self.client.timeout)
            stage = "handshake"
            failure = self._upgrade(self._socket)
        except OSError as problem:
            failure = failure_of(problem, stage)
        if failure is None:
            try:
                return handshake(self.channel, self.client, began)._replace(sent=began)
            except OpeningError as problem:
                failure = problem.failure
        self.close()
        raise OpeningError(failure)

    def close(self) -> None:
        """Say goodbye and close the socket, whatever the peer says to that."""
        self.channel.end(Failure(ErrorClass.TRANSPORT, "closed", "the conversation was closed"))
        if self._reader is not None and self._reader is not gevent.getcurrent():
            self._reader.kill()
        sock, frames = self._socket, self._frames
        self._socket = self._frames = self._reader = None
        if sock is None:
            return
        if frames is not None and frames.state is State.OPEN:
            frames.send_close(CloseCode.NORMAL)
            try:
                sock.settimeout(1.0)
                sock.sendall(b"".join(frames.data_to_send()))
            except OSError:
                pass  # It is gone already.
        sock.close()

    def _upgrade(self, sock: gevent.socket.socket) -> Failure | None:
        sub = [Subprotocol(SUBPROTOCOL)]
        frames = ClientProtocol(parse_uri(self._endpoint.url), subprotocols=sub, max_size=DEFAULT_LIMIT)
        request = frames.connect()
        for name, value in self._endpoint.extra.items():
            request.headers[name] = value
        frames.send_request(request)
        sock.sendall(b"".join(frames.data_to_send()))
        while frames.state is State.CONNECTING and frames.handshake_exc is None:
            data = sock.recv(_CHUNK)
            at = time.perf_counter()
            frames.receive_data(data) if data else frames.receive_eof()
        refusal = frames.handshake_exc
        if isinstance(refusal, InvalidStatus):
            status = refusal.response.status_code
            return Failure(ErrorClass.HTTP_STATUS, str(status), "the WebSocket was refused")
        if refusal is not None:
            return Failure(ErrorClass.TRANSPORT, "handshake", str(refusal))
        if frames.subprotocol != SUBPROTOCOL:
            return Failure(ErrorClass.TRANSPORT, "handshake", f"the server does not speak {SUBPROTOCOL}")
        self._frames = frames
        sock.settimeout(None)
        self._reader = gevent.spawn(self._read, sock, frames, at)
        return None

    def _write(self, message: bytes) -> Failure | None:
        sock, frames = self._socket, self._frames
        if sock is None or frames is None:
            return self.channel.ended
        try:
            with self._sending:
                frames.send_text(message)
                sock.sendall(b"".join(frames.data_to_send()))
        except OSError as problem:
            return failure_of(problem, "send")
        except WebSocketException as problem:
            return self.channel.ended or Failure(ErrorClass.TRANSPORT, "send", str(problem))
        return None

    def _read(self, sock: gevent.socket.socket, frames: ClientProtocol, at: float) -> None:
        parts: list[bytes] = []
        failure: Failure | None = None
        try:
            while failure is None:
                failure = self._take(frames, parts, at)
                answers = b"".join(frames.data_to_send())  # pongs, the close frame
                if answers:
                    with self._sending:
                        sock.sendall(answers)
                if failure is None:
                    data = sock.recv(_CHUNK)
                    at = time.perf_counter()
                    frames.receive_data(data) if data else frames.receive_eof()
        except OSError as problem:
            failure = failure_of(problem, "receive")
        sock.close()
        self.channel.lose(failure)

    def _take(self, frames: ClientProtocol, parts: list[bytes], at: float) -> Failure | None:
        for event in frames.events_received():
            if not isinstance(event, Frame) or event.opcode in {Opcode.PING, Opcode.PONG, Opcode.CLOSE}:
                continue
            if event.opcode is Opcode.BINARY:
                return Failure(ErrorClass.TRANSPORT, "binary", "a binary frame, where messages are text")
            parts.append(bytes(event.data))
            if event.fin:
                message = b"".join(parts)
                parts.clear()
                self.channel.take(message, at)
        if frames.state is State.OPEN:
            return None
        if frames.close_rcvd is not None:
            return Failure(
                ErrorClass.TRANSPORT, "closed", closed_because(frames.close_rcvd.code, frames.close_rcvd.reason)
            )
        if frames.parser_exc is not None and not isinstance(frames.parser_exc, EOFError):
            return Failure(ErrorClass.TRANSPORT, "not-websocket", str(frames.parser_exc))
        return Failure(ErrorClass.TRANSPORT, "closed", "the WebSocket broke without a farewell")
