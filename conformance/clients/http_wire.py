"""One HTTP connection from a client as h11 sees it."""

from __future__ import annotations

import time
from contextlib import suppress
from http import HTTPStatus

import anyio
import anyio.abc
import h11

from conformance.transcript import HttpHead
from reference_impl.transports.http_witness import Witness, watching

__all__ = ["HttpConnection"]

_REASONS = {status.value: status.phrase for status in HTTPStatus}
_BODY_LIMIT = 8 * 1024 * 1024


class HttpConnection:
    """Reads requests, writes replies, and knows when the client has hung up."""

    def __init__(self, stream: anyio.abc.ByteStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.SERVER)
        self._witness: Witness | None = None

    async def request(self) -> tuple[HttpHead, bytes] | None:
        """Return the next request, or None when the client is done."""
        event = await self._event()
        if not isinstance(event, h11.Request):
            return None
        start = f"{event.method.decode()} {event.target.decode()} HTTP/{event.http_version.decode()}"
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
        if self._http.they_are_waiting_for_100_continue:
            await self._out(h11.InformationalResponse(status_code=100, headers=[]))
        body = b""
        while not isinstance(event, h11.EndOfMessage):
            event = await self._event()
            if isinstance(event, h11.ConnectionClosed) or len(body) > _BODY_LIMIT:
                return None
            body += bytes(event.data) if isinstance(event, h11.Data) else b""
        head = HttpHead(start, headers)
        self._begin(head, body)
        return head, body

    def _begin(self, head: HttpHead, body: bytes) -> None:
        self.finish()
        if watching.get() is not None:
            url = f"http://{head.get('host') or 'localhost'}{head.start.split(' ')[1]}"
            self._witness = Witness(url, head.start, head.headers, body)
            self._witness.sent = self._witness.began

    def finish(self) -> None:
        """Let those who watch know of an exchange that is over, however it ended."""
        witness, self._witness = self._witness, None
        tell = watching.get()
        if witness is not None and tell is not None:
            witness.ended = time.perf_counter()
            tell(witness)

    async def _event(self) -> h11.Event | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await self._read())
        assert not isinstance(event, type) or event is h11.PAUSED
        return event

    async def _read(self) -> bytes:
        try:
            return await self._stream.receive()
        except anyio.EndOfStream:
            return b""

    async def hung_up(self) -> None:
        """Return when the client closes the connection, or breaks it."""
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while data := await self._read():
                self._http.receive_data(data)

    async def start(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Send the head of a reply."""
        if self._witness is not None:
            self._witness.answered(status, f"HTTP/1.1 {status} {reason(status)}", headers)
        await self._out(h11.Response(status_code=status, headers=headers, reason=reason(status)))

    async def data(self, body: bytes) -> None:
        """Send a piece of its body."""
        if body:
            if self._witness is not None:
                self._witness.brought(body)
            await self._out(h11.Data(data=body))

    async def end(self) -> None:
        """End the reply."""
        await self._out(h11.EndOfMessage())
        if self._witness is not None:
            self._witness.whole = True
        self.finish()

    async def _out(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            await self._stream.send(data)

    def next_cycle(self) -> None:
        """Get ready for the next request. Raises `h11.LocalProtocolError` where the connection is to be closed."""
        self._http.start_next_cycle()


def reason(status: int) -> str:
    """Return the words that go with a status."""
    return _REASONS.get(status, "")
