"""What every kind of conversation offers, and what it gives back: one request's fate, or why it could not be opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from loadtest.incoming import Notice
from loadtest.sample import Failure, Sample
from loadtest.wire import Prepared
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.revisions import Revision

__all__ = [
    "CANCELLED",
    "ENDED",
    "LEFT",
    "Client",
    "Conversation",
    "Exchange",
    "Listening",
    "OpeningError",
    "Underway",
    "failure_of",
]

CANCELLED = Failure(ErrorClass.TRANSPORT, "cancelled", "we cancelled it")
"""What `Underway.finish` says of a call that `Underway.cancel` gave up: no fault of anybody's."""

LEFT = Failure(ErrorClass.TRANSPORT, "left", "we stopped listening")
ENDED = Failure(ErrorClass.TRANSPORT, "ended", "the target ended the stream")
"""Why a `Listening` is over, where nothing went wrong: by our will, by the target's."""


class Exchange(NamedTuple):
    """What became of one request; times are `time.perf_counter` seconds.

    `first_progress` is when the first notification of its progress came, where one did. `message` is the answer as it
    came, also where it is a failure that the target told of (an error, `isError`, a question).
    """

    sent: float
    first_byte: float
    done: float
    size: int
    failure: Failure | None
    first_progress: float | None = None
    message: bytes | str | None = None

    def sample(self, operation: str, intended: float) -> Sample:
        """Return the sample of this exchange, under the name of its operation, meant to start at `intended`."""
        return Sample(operation, intended, self[0], self[1], self[2], self[3], self[4], self[5])


class OpeningError(Exception):
    """The conversation could not be opened; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.error_class} {failure.code}: {failure.message}")
        self.failure = failure


def _nobody(failure: Failure) -> None:
    del failure


@dataclass(frozen=True, slots=True)
class Client:
    """Who converses: the revision spoken, the seconds that an answer may take, and what the server gets when it asks.

    `answers` are results by method (`roots/list`, `sampling/createMessage`, `elicitation/create`), or make them of the
    params; the capabilities for them are declared. `on_stray` is told of faults that belong to no request: answers that
    nobody asked for, answers that come twice, bytes that are no message.
    """

    revision: Revision
    timeout: float = 10.0
    answers: Mapping[str, Any] = field(default_factory=dict)
    on_stray: Callable[[Failure], None] = _nobody


class Underway(Protocol):
    """A call that was begun."""

    @property
    def request_id(self) -> int:
        """The id that the request bears."""

    def finish(self) -> Exchange:
        """Wait for what becomes of it, at most the timeout since it began. To be called once."""

    def cancel(self) -> None:
        """Tell the target, in its revision's way, that the answer is not wanted any more; `finish` returns at once,
        with the failure `CANCELLED` unless the answer was there first."""


class Listening(Protocol):
    """A stream of what the server says on its own account; its notices go to the conversation's `on_notice`."""

    @property
    def opened(self) -> Exchange:
        """How the stream was opened: sent, and confirmed by the target (its headers, or its acknowledgement)."""

    @property
    def ended(self) -> Failure | None:
        """Why the stream is over; None while it lasts."""

    def close(self) -> None:
        """Stop listening."""


class Conversation(Protocol):
    """One client of the target. No method but `open` raises for what the target does.

    Whatever waits lets other greenlets go on. `on_notice` is called with each notification of the server, and with each
    of its requests (pings aside) once that is answered; from the greenlet that reads, so it must not wait.
    """

    on_notice: Callable[[Notice], None] | None

    @property
    def is_open(self) -> bool:
        """Whether it was opened, and need not be opened anew as far as we know."""

    def open(self) -> Exchange | None:
        """Connect and do the handshake. Raises `OpeningError`. Returns None where others had done it already."""

    def call(self, template: Prepared, marker: int) -> Exchange:
        """Send an operation and wait for its answer."""

    def begin(self, template: Prepared, marker: int) -> Underway:
        """Send an operation and do not wait. Several may be under way."""

    def notify(self, method: str, params: dict[str, Any] | None = None) -> Failure | None:
        """Send a notification; return why that failed."""

    def listen(self, wanted: dict[str, Any] | None = None) -> Listening:
        """Open the stream of what the server says on its own account, and wait until the target has confirmed it.

        `wanted` is the filter of `subscriptions/listen` (all list changes where None), for the revision that has it; a
        legacy revision uses the GET stream of its session, or the one channel that there is. Failures are `ended`.
        """

    def end_session(self) -> Exchange | None:
        """End the session: the DELETE of Streamable HTTP, elsewhere the connection. None where there was nothing to
        say. The conversation can be opened again."""

    def close(self) -> None:
        """Let go of what was opened, at once."""


def failure_of(problem: OSError, stage: str) -> Failure:
    """Class an error of the operating system; `stage` (connect, send, receive, start) is its code."""
    error_class = ErrorClass.TIMEOUT if isinstance(problem, TimeoutError) else ErrorClass.TRANSPORT
    return Failure(error_class, stage, str(problem))
