"""What a scenario's turn works with: one user of the target, in the Locust process, without Locust and sockets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from loadtest.exchange import Conversation, Exchange
from loadtest.sample import Failure, Sample
from loadtest.scenario import next_operation
from loadtest.totals import Remark
from loadtest.traffic import Traffic
from loadtest.wire import Prepared, Template
from loadtest.workload import Operation
from reports.records import WireEntry

__all__ = ["Visitor"]


class Visitor:
    """One user: its conversation, and what all users share.

    `intended` is when the arrival was due, until the first request of the turn has taken it; None where nobody waits
    for a schedule. `templates` are the operations of the workload by name, `parameters` those of its scenario, `memory`
    is the turn's own, from one turn of this user to the next.
    """

    __slots__ = (
        "_converse",
        "_tell",
        "_turn",
        "conversation",
        "intended",
        "memory",
        "parameters",
        "templates",
        "traffic",
    )

    def __init__(
        self,
        traffic: Traffic,
        converse: Callable[..., Conversation],
        turn: Callable[[Visitor], Sample] = next_operation,
        parameters: dict[str, Any] | None = None,
        tell: Callable[[Sample], None] = lambda _: None,
    ) -> None:
        self.traffic = traffic
        self.conversation = converse()
        self.templates = {template.name: template for template in traffic.templates}
        self.parameters = parameters or {}
        self.intended: float | None = None
        self.memory: dict[str, Any] = {}
        self._converse = converse
        self._turn = turn
        self._tell = tell

    def visit(self, intended: float | None = None) -> Sample:
        """Take one turn, which was due at `intended` (now, if that is None)."""
        self.intended = intended
        return self._turn(self)

    def give_up(self, intended: float) -> Sample:
        """Record an arrival that was never served."""
        sample = self.traffic.give_up(intended)
        self._tell(sample)
        return sample

    def ask(self, template: Template | None = None, intended: float | None = None) -> Sample:
        """Send an operation, the next of the mix if none is given, and record what becomes of it.

        The first request of a turn counts from when the turn was due; `intended` says otherwise.
        """
        due = self.due() if intended is None else intended
        sample = self.traffic.ask(self.conversation, template or self.traffic.next_template(), due)
        self._tell(sample)
        return sample

    def due(self) -> float | None:
        """Take the time at which the turn was due; None once it is taken, and where nobody waits for a schedule."""
        due, self.intended = self.intended, None
        return due

    def marker(self) -> int:
        """Return a number that no other call of the run has."""
        return self.traffic.next_marker()

    def call(self, template: Prepared, marker: int | None = None) -> Exchange:
        """Send a request and return what became of it, for the turn to `record`; the conversation is opened if it is
        not. Without `marker` it takes the next."""
        return self.traffic.call(self.conversation, template, self.marker() if marker is None else marker)

    def take_back(self, template: Prepared, marker: int, after: float) -> Exchange:
        """Send a request, cancel it `after` so many seconds, and return how that ended, for the turn to `record`."""
        return self.traffic.take_back(self.conversation, template, marker, after)

    def record(self, operation: str, exchange: Exchange, intended: float | None = None) -> Sample:
        """Record a request that the turn made by itself, in the name of an operation."""
        sample = Sample(operation, exchange.sent if intended is None else intended, *exchange[:6])
        self.traffic.count(sample, exchange.done - exchange.sent)
        self._tell(sample)
        return sample

    @property
    def shared(self) -> dict[str, Any]:
        """What all users of this process have in common, for turns that work together."""
        return self.traffic.shared

    @property
    def number(self) -> int:
        """Which of the users of this process it is, in the order in which they first asked; 0 is the first."""
        if "number" not in self.memory:
            self.memory["number"] = self.shared["users"] = self.shared.get("users", -1) + 1
        return int(self.memory["number"])

    def remark(
        self, kind: str, numbers: dict[str, float], text: str = "", evidence: tuple[WireEntry, ...] = ()
    ) -> None:
        """Note something for the scenario's judge."""
        self.traffic.recorder.remark(
            Remark(kind=kind, at=self.elapsed(), numbers=numbers, text=text, evidence=evidence)
        )

    def elapsed(self) -> float:
        """Return how many seconds the measurement has lasted; below 0 in the warm-up."""
        return time.perf_counter() - self.traffic.recorder.measure_from

    def open(self) -> Failure | None:
        """Open the conversation and record that apart from all operations; return why it could not be opened."""
        return self.traffic.open(self.conversation)

    def end(self) -> None:
        """Close the conversation."""
        self.conversation.close()

    def another(self) -> Conversation:
        """Return a conversation beside the user's own, for the turn to open and to close."""
        return self._converse()

    def renew(self, headers: Mapping[str, str] | None = None) -> Conversation:
        """Close the conversation and return the one that takes its place; it is not opened yet. `headers` go with its
        requests, over those of all users."""
        self.conversation.close()
        self.conversation = self._converse() if headers is None else self._converse(headers)
        return self.conversation

    def set_up(self, operation: str, hello: Prepared | None = None) -> Sample:
        """Open a new conversation and record that as an operation: all that it takes until a call can be made.

        Where there is no handshake to wait for, the answer to `hello` may end it.
        """
        due = self.due()
        exchange = self.traffic.set_up(self.renew())
        if hello is not None and exchange.failure is None:
            exchange = self.call(hello)._replace(sent=exchange.sent)
        return self.record(operation, exchange, due)

    def prepared(self, parameter: str) -> Template:
        """Return the operation that a parameter of the scenario describes, prepared once for all users."""
        if parameter not in self.shared:
            operation = msgspec.convert(self.parameters[parameter], Operation)
            self.shared[parameter] = Template(operation, self.traffic.revision)
        template: Template = self.shared[parameter]
        return template

    def tear_down(self, operation: str | None = None, *, silent: bool = False) -> None:
        """End the session and close the conversation. What the target has to say to that is recorded as `operation`;
        with `silent` also the time that it takes where it says nothing, as a process that ends."""
        began = time.perf_counter()
        exchange = self.conversation.end_session()
        self.conversation.close()
        now = time.perf_counter()
        if operation is not None and (silent or exchange is not None):
            self.record(operation, exchange or Exchange(began, now, now, 0, None))
