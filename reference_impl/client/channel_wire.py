"""The wire over one ordered channel: standard streams, memory, a WebSocket. Answers find their requests by id."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from reference_impl.client.errors import ClientError, ConnectionClosed, InvalidAnswer
from reference_impl.client.wire import NEVER_CANCELLED, Answer, Deliver, MessageChannel, read_messages
from reference_impl.protocol.calls import Calls
from reference_impl.protocol.messages import (
    ErrorResponse,
    MalformedError,
    Message,
    Notification,
    Request,
    RequestId,
    Response,
    encode,
)
from reference_impl.protocol.revisions import LATEST
from reference_impl.transports.messages import LineChannel

__all__ = ["ChannelWire", "LineChannel"]

_logger = logging.getLogger(__name__)
_FAREWELL = 1.0
"""Seconds that telling the server of a cancellation may take."""
_MOST_NOISE = 20
"""Lines that are no messages, and that are told of in the log."""


async def _nothing_known() -> str:
    return "the server closed the connection"


_Outcome = Answer | ClientError
_Slot = asyncio.Future[_Outcome]
"""Where one request waits for what becomes of it: a failure is a value too, as nobody may be left to take it."""


class ChannelWire:
    """A client's side of an ordered channel; see `Wire`. `explain` says why the channel ended, once it has."""

    def __init__(self, channel: MessageChannel, explain: Callable[[], Awaitable[str]] = _nothing_known) -> None:
        self.revision = LATEST
        self._channel = channel
        self._explain = explain
        self._calls: Calls[_Slot] = Calls()
        self._ended: str | None = None
        self._noise = 0

    async def run(self, deliver: Deliver) -> None:
        """Read until the channel ends; then fail what still waits."""
        try:
            while True:
                self._read(await self._channel.receive(), deliver)
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            reason = await self._explain()
        except BaseException:
            self._end("the connection was closed on this side")
            raise
        self._end(reason)

    def _end(self, reason: str) -> None:
        self._ended = reason
        for slot in self._calls.drain():
            _settle(slot, ConnectionClosed(reason))

    def _read(self, data: bytes, deliver: Deliver) -> None:
        try:
            messages = read_messages(data, self.revision)
        except MalformedError as error:
            self._ignore(data, error)
            return
        for message in messages:
            self._take(message, deliver)

    def _ignore(self, data: bytes, error: MalformedError) -> None:
        """Pass over what is no message: many a server prints to its standard output. Some print without end."""
        self._noise += 1
        if self._noise <= _MOST_NOISE:
            last = ", and will be silently from here on" if self._noise == _MOST_NOISE else ""
            _logger.warning("ignored what is no message%s: %s: %.200r", last, error.message, data)

    def _take(self, message: Message | MalformedError, deliver: Deliver) -> None:
        match message:
            case Request() | Notification():
                deliver(message)
            case Response(identifier) | ErrorResponse(identifier):
                if not self._settle(identifier, message) and isinstance(message, Response):
                    deliver(message)
            case MalformedError(id=identifier):
                _logger.warning("ignored a malformed message: %s", message.message)
                if identifier is not None:
                    self._settle(identifier, InvalidAnswer(message.message))

    def _settle(self, identifier: RequestId | None, outcome: _Outcome) -> bool:
        """Wake the request that the answer belongs to; False for an answer to one that was given up.

        An error without an id can only mean the one request that waits, if it is one.
        """
        if identifier is None and len(self._calls) == 1:
            slot: _Slot | None = self._calls.drain()[0]
        else:
            slot = self._calls.close(identifier)
        if slot is not None:
            _settle(slot, outcome)
        return slot is not None

    async def exchange(self, request: Request, schema: Any = None) -> Answer:  # noqa: ARG002 - HTTP alone has headers
        """Send a request and wait for its answer; see `Wire.exchange`."""
        slot: _Slot = asyncio.get_running_loop().create_future()
        self._calls.open(request.id, slot)
        try:
            await self._write(request)
            outcome = await slot
        except asyncio.CancelledError:
            # Also where it was not yet written: what a channel has begun to send, it sends whole.
            answered = slot.done() and not slot.cancelled()
            if not answered and request.method not in NEVER_CANCELLED:
                await self._cancel(request.id)
            raise
        finally:
            self._calls.close(request.id)
        if isinstance(outcome, ClientError):
            raise outcome
        return outcome

    async def _cancel(self, identifier: RequestId) -> None:
        self._calls.close(identifier)
        with anyio.move_on_after(_FAREWELL, shield=True):
            try:
                await self._write(Notification("notifications/cancelled", {"requestId": identifier}))
            except ClientError as error:
                _logger.debug("the cancellation was not delivered: %s", error)

    async def send(self, message: Notification | Response | ErrorResponse) -> None:
        """Send a message that has no answer."""
        await self._write(message)

    async def _write(self, message: Message) -> None:
        if self._ended is not None:
            raise ConnectionClosed(self._ended)
        try:
            await self._channel.send(encode(message))
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            raise ConnectionClosed(await self._explain()) from None

    async def established(self) -> None:
        """Do nothing: on one channel the server can speak at any time."""

    async def aclose(self) -> None:
        """Close the channel."""
        await self._channel.aclose()


def _settle(slot: _Slot, outcome: _Outcome) -> None:
    if not slot.done():  # it is if its request was cancelled and has not had its turn since
        slot.set_result(outcome)
