"""What both kinds of conversation give back: one request's fate, or why the conversation could not be opened."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from loadtest.sample import Failure
from loadtest.wire import Template
from reference_impl.metrics import ErrorClass

__all__ = ["Conversation", "Exchange", "OpeningError", "failure_of"]


class Exchange(NamedTuple):
    """What became of one request; times are `time.perf_counter` seconds."""

    sent: float
    first_byte: float
    done: float
    size: int
    failure: Failure | None


class OpeningError(Exception):
    """The conversation could not be opened; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.error_class} {failure.code}: {failure.message}")
        self.failure = failure


class Conversation(Protocol):
    """One client of the target, asking one thing at a time."""

    is_open: bool

    def open(self) -> Exchange | None:
        """Connect and do the handshake. Raises `OpeningError`. Returns None where others had done it already."""

    def call(self, template: Template, marker: int) -> Exchange:
        """Send an operation and wait for its answer; never raises for what the target does."""

    def close(self) -> None:
        """Let go of what was opened."""


def failure_of(problem: OSError, stage: str) -> Failure:
    """Class an error of the operating system; `stage` (connect, send, receive, start) is its code."""
    error_class = ErrorClass.TIMEOUT if isinstance(problem, TimeoutError) else ErrorClass.TRANSPORT
    return Failure(error_class, stage, str(problem))
