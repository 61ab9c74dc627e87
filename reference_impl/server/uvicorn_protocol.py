"""What uvicorn leaves open on a connection: how long and how large the head of a request may grow, how many fragments a
WebSocket message may have, and whose certificate the client showed.

uvicorn has no name for these, hence subclasses of its protocols.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from reference_impl.protocol.websocket_frames import MOST_FRAGMENTS, CloseCode
from reference_impl.security.tls import subject_of
from reference_impl.server.http.certificate import CERTIFICATE
from reference_impl.server.uvicorn_http import LeanHttp

__all__ = ["GuardedHttp", "GuardedWebSocket"]

HEAD_LIMIT = 64 * 1024
"""Most bytes of a request's head after the piece that it begins in (256 KiB at the most)."""
PATIENCE = 30.0
"""Seconds that a head may take to come, a fresh connection to send anything, and the next piece of a body."""


class GuardedHttp(LeanHttp):
    """uvicorn's HTTP/1.1 with bounds on heads and pauses. What comes in a single piece costs next to nothing."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Note who the client is, and give it a while to begin."""
        super().connection_made(transport)
        self._heading = self._begins = True
        self._head_size = 0
        self._clock: asyncio.TimerHandle | None = self.loop.call_later(PATIENCE, self._late)
        if transport.get_extra_info("ssl_object") is not None:
            subject = subject_of(transport.get_extra_info("peercert"))
            self.app_state = {**self.app_state, CERTIFICATE: subject}

    def on_message_begin(self) -> None:
        """Note that a head begins."""
        super().on_message_begin()
        self._heading = self._begins = True

    def on_headers_complete(self) -> None:
        """Note that it is complete."""
        self._heading = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read on; measure a head that is still incomplete, and time a body that is."""
        super().data_received(data)
        if self._heading:
            self._measure(0 if self._begins else len(data))
            self._begins = False
        elif self._clock is not None or (self.cycle is not None and self.cycle.more_body):
            self._stop_clock()
            if self.cycle is not None and self.cycle.more_body:
                self._clock = self.loop.call_later(PATIENCE, self._late)

    def _measure(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_LIMIT:
            self._refuse(431)
        elif self._clock is None:
            self._clock = self.loop.call_later(PATIENCE, self._late)

    def _late(self) -> None:
        self._clock = None
        if self.flow.read_paused:
            self._clock = self.loop.call_later(PATIENCE, self._late)  # not the client's doing
        elif self.cycle is None or self.cycle.response_complete:
            self._refuse(408)
        else:
            self.transport.close()

    def _stop_clock(self) -> None:
        self._head_size = 0
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _refuse(self, status: int) -> None:
        self._stop_clock()
        if not self.transport.is_closing():
            reason = HTTPStatus(status).phrase
            head = f"HTTP/1.1 {status} {reason}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode())
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket with a bound on fragments: empty ones never reach the bound on bytes."""

    def handle_cont(self, event: Frame) -> None:
        """Take a continuation frame."""
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
            return
        self.conn.fail(CloseCode.TOO_BIG, f"a message has more than {MOST_FRAGMENTS} fragments")
        self.handle_parser_exception()
