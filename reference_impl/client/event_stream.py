"""What one logical stream of events has brought so far, over as many connections as it took.

Source: `basic/transports#resumability-and-redelivery` of 2025-11-25.
"""

from __future__ import annotations

import logging

from reference_impl.client.errors import InvalidAnswer
from reference_impl.client.wire import Answer, Deliver, read_messages
from reference_impl.protocol.messages import (
    ErrorResponse,
    MalformedError,
    Message,
    Notification,
    Request,
    RequestId,
    Response,
)
from reference_impl.protocol.revisions import Revision
from reference_impl.protocol.sse import Event, EventReader, OversizedEvent

__all__ = ["EventStream"]

_logger = logging.getLogger(__name__)
_PAUSE = 1.0
"""Seconds before a stream is opened again, unless the server names another time."""
_TICK = 0.002
"""Seconds on top of the server's wish: timers that count in whole milliseconds may fire one early."""
_LONGEST = 64 * 1024 * 1024
"""Bytes of the longest event that is read: as long as the longest body."""
_ATTEMPTS = 5
"""How many connections in a row may bring nothing before the stream is given up."""


class EventStream:
    """Reads events into messages, and finds the answer to `awaited` among them (None: the server's own stream).

    `last_event_id` is the cursor to resume from.
    """

    def __init__(self, awaited: RequestId | None, revision: Revision, deliver: Deliver) -> None:
        self._awaited = awaited
        self._revision = revision
        self._deliver = deliver
        self._reader = EventReader(_LONGEST)
        self._retry: float | None = None
        self._fruitless = 0
        self.last_event_id: str | None = None

    @property
    def exhausted(self) -> bool:
        """Whether too many connections in a row brought nothing."""
        return self._fruitless >= _ATTEMPTS

    @property
    def resumable(self) -> bool:
        """Whether the server can be asked for what comes after the last event: the revisions with sessions can."""
        return self._revision.sessions and bool(self.last_event_id) and not self.exhausted

    def next_pause(self) -> float:
        """Return the seconds to wait before the next connection: what the server asked for, at the least."""
        return self._retry if self._retry is not None else _PAUSE * 2**self._fruitless

    def resumed(self) -> EventStream:
        """Start to read another connection of the same stream."""
        self._reader = EventReader(_LONGEST)
        self._fruitless += 1
        return self

    def forgive(self) -> None:
        """Count the connections from here on: the last one lasted, even if it brought nothing."""
        self._fruitless = 0

    def feed(self, chunk: bytes) -> Answer | None:
        """Take the next bytes; deliver what they complete; return the answer once it is there.

        Raises `InvalidAnswer` if what answers the request is no valid response, or longer than any may be.
        """
        answer = None
        try:
            events = self._reader.feed(chunk)
        except OversizedEvent as error:
            raise InvalidAnswer(str(error)) from None
        for event in events:
            answer = self._take(event) or answer
        return answer

    def _take(self, event: Event) -> Answer | None:
        if event.id is not None:
            self.last_event_id = event.id
        if event.retry is not None:
            self._retry = event.retry / 1000 + _TICK
        if not event.data or event.event != "message":  # other types are for whoever knows them
            return None
        self._fruitless = 0
        try:
            messages = read_messages(event.data, self._revision)
        except MalformedError as error:
            _logger.warning("ignored an event that is no message: %s", error.message)
            return None
        answers = [answer for answer in map(self._sort, messages) if answer is not None]
        return answers[-1] if answers else None

    def _sort(self, message: Message | MalformedError) -> Answer | None:
        match message:
            case Request() | Notification():
                self._deliver(message)
            case Response(identifier) if identifier == self._awaited:
                return message
            case ErrorResponse(identifier) if self._awaited is not None and identifier in (self._awaited, None):
                return message
            case MalformedError(id=identifier) if identifier is not None and identifier == self._awaited:
                raise InvalidAnswer(message.message)
            case MalformedError():
                _logger.warning("ignored a malformed message: %s", message.message)
        return None
