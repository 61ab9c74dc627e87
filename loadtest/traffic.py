"""What all users of a run share: the operations, the numbers that tell calls apart, the recorder, who is busy.

A user brings a conversation and asks for the next operation to be performed on it; the sample that comes of it is
recorded here. No sockets, no Locust.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

from loadtest.exchange import CANCELLED, Conversation, Exchange, OpeningError
from loadtest.recorder import Recorder
from loadtest.sample import Failure, Sample
from loadtest.schedule import choices
from loadtest.totals import OPENING
from loadtest.wire import FIRST_MARKER, Prepared, Template
from loadtest.workload import Operation
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.revisions import Revision

__all__ = ["Traffic"]


class Traffic:
    """Performs operations and records what becomes of them.

    `worker` sets the numbers of several generators apart (a hundred million each). `busy_seconds` is the time that
    users spent on operations, added up; `given_up` counts arrivals never sent because every user was busy too long,
    `in_flight` the operations that are not answered yet. `admit` is called before each, and may wait.
    `shared` is for turns that work together.
    """

    def __init__(
        self,
        operations: tuple[Operation, ...],
        revision: Revision,
        recorder: Recorder,
        *,
        seed: int = 0,
        worker: int = 0,
        admit: Callable[[], None] | None = None,
    ) -> None:
        self.templates = [Template(operation, revision) for operation in operations]
        self.revision = revision
        self.recorder = recorder
        self.busy_seconds = 0.0
        self.given_up = 0
        self.in_flight = 0
        self.shared: dict[str, Any] = {}
        self.worker = worker
        self._admit = admit
        self._choices = choices(operations, seed + worker)
        self._markers = itertools.count(FIRST_MARKER + worker * 100_000_000)

    def perform(self, conversation: Conversation, intended: float | None = None) -> Sample:
        """Send the next operation and wait for what becomes of it. Without `intended` it was meant to start now."""
        return self.ask(conversation, self.next_template(), intended)

    def next_template(self) -> Template:
        """Return the next operation, as often as its weight says."""
        return self.templates[next(self._choices)]

    def next_marker(self) -> int:
        """Return a number that no other call of the run has."""
        return next(self._markers)

    def ask(self, conversation: Conversation, template: Template, intended: float | None = None) -> Sample:
        """Send this operation and wait for what becomes of it."""
        began = self._begin()
        exchange = self._exchange(conversation, template, next(self._markers))
        sample = exchange.sample(template.name, began if intended is None else intended)
        self.count(sample, time.perf_counter() - began)
        self.in_flight -= 1
        return sample

    def call(self, conversation: Conversation, template: Prepared, marker: int) -> Exchange:
        """Send a request and return what became of it, to be recorded by whoever asked for it."""
        self._begin()
        exchange = self._exchange(conversation, template, marker)
        self.in_flight -= 1
        return exchange

    def take_back(self, conversation: Conversation, template: Prepared, marker: int, after: float) -> Exchange:
        """Send a request, cancel it `after` so many seconds, and return how that ended: well, if it was under way."""
        began = self._begin()
        failure = None if conversation.is_open else self.open(conversation)
        if failure is None:
            underway = conversation.begin(template, marker)
            time.sleep(after)  # gevent's, in the Locust process
            underway.cancel()
            exchange = underway.finish()
        else:
            exchange = Exchange(began, began, time.perf_counter(), 0, failure)
        self.in_flight -= 1
        return exchange._replace(failure=None) if exchange.failure == CANCELLED else exchange

    def _begin(self) -> float:
        if self._admit is not None:
            self._admit()
        self.in_flight += 1
        return time.perf_counter()

    def _exchange(self, conversation: Conversation, template: Prepared, marker: int) -> Exchange:
        failure = None if conversation.is_open else self.open(conversation)
        if failure is None:
            return conversation.call(template, marker)
        now = time.perf_counter()
        return Exchange(now, now, now, 0, failure)

    def count(self, sample: Sample, busy: float) -> None:
        """Record a sample, and that a user was busy with it for so many seconds."""
        if sample.intended >= self.recorder.measure_from:
            self.busy_seconds += busy
        self.recorder.record(sample)

    def open(self, conversation: Conversation) -> Failure | None:
        """Open a conversation and record how long it took; return why it could not be opened."""
        began = time.perf_counter()
        exchange = _opened(conversation, began)
        if exchange is None:
            return None
        self.recorder.record_opening(exchange.sample(OPENING, began))
        return exchange.failure

    def set_up(self, conversation: Conversation) -> Exchange:
        """Open a conversation and return how that went, from the first thing that it took to the last."""
        began = self._begin()
        exchange = _opened(conversation, began)
        now = time.perf_counter()
        self.in_flight -= 1
        return Exchange(began, now, now, 0, None) if exchange is None else exchange._replace(sent=began, done=now)

    def give_up(self, intended: float) -> Sample:
        """Record an arrival that was never sent: for whoever came then, the target was out of reach until now."""
        now = time.perf_counter()
        failure = Failure(ErrorClass.TIMEOUT, "unsent", "every user was busy for longer than the timeout")
        sample = Sample(self.next_template().name, intended, now, now, now, 0, failure)
        self.given_up += 1
        self.recorder.record(sample)
        return sample


def _opened(conversation: Conversation, began: float) -> Exchange | None:
    try:
        return conversation.open()
    except OpeningError as problem:
        now = time.perf_counter()
        return Exchange(began, now, now, 0, problem.failure)
