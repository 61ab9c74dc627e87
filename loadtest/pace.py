"""When a user sends next: the open and the closed model, as seen by one of many users. gevent, but no Locust."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Protocol

import gevent
import gevent.event

from loadtest.sample import Sample
from loadtest.visitor import Visitor
from reference_impl.metrics import ErrorClass

__all__ = ["ClosedPace", "Gate", "OpenPace", "Pace"]

_PAUSE = 0.1
_SPREAD = 0.1


class Gate:
    """Holds users back until all have opened their conversations, so that the load begins at once and on time."""

    def __init__(self, users: int) -> None:
        self._missing = users
        self._all_here = gevent.event.Event()
        self._open = gevent.event.Event()
        self.begin = 0.0
        """When the load began, in seconds of `time.perf_counter`."""

    def wait_for_users(self, seconds: float) -> None:
        """Wait until every user is at the gate, at most so long."""
        self._all_here.wait(seconds)

    def open(self, begin: float) -> None:
        """Let the users go."""
        self.begin = begin
        self._open.set()

    def pass_through(self) -> None:
        """Wait, as a user, for the gate to open."""
        self._missing -= 1
        if self._missing <= 0:
            self._all_here.set()
        self._open.wait()

    def wait_until_open(self) -> None:
        """Wait, as a bystander, for the gate to open."""
        self._open.wait()


class Pace(Protocol):
    """The rhythm that all users of a run share; none takes another turn once it is `over`."""

    gate: Gate
    over: bool

    def join(self) -> None:
        """Come in as a user whose conversation is open; return when it may take its first turn."""

    def turn(self, visitor: Visitor) -> Sample | None:
        """Wait as the model says, let the visitor take a turn, return its sample; None when the user is done."""


class OpenPace:
    """Arrivals on a schedule. Each idle user claims the next one and sleeps until it is due.

    While all users are busy nobody claims, and the arrivals that pass meanwhile are claimed late; their latency runs
    from when they were due. One that is later than the timeout is given up unsent, as its client would have done.
    """

    def __init__(self, starts: Iterator[float], users: int, timeout: float) -> None:
        self.gate = Gate(users)
        self._starts = starts
        self._timeout = timeout
        self.over = False
        self.late = 0
        """Arrivals that no idle user was there for."""

    def join(self) -> None:
        """Wait for the gate: the schedule itself spreads the users."""
        self.gate.pass_through()

    def turn(self, visitor: Visitor) -> Sample | None:
        """Serve the next arrival."""
        start = None if self.over else next(self._starts, None)
        if start is None:
            return None
        due = self.gate.begin + start
        left = due - time.perf_counter()
        if left <= 0:
            self.late += 1
            if -left > self._timeout:
                gevent.sleep(0)
                return visitor.give_up(due)
        while left > 0:
            gevent.sleep(left)
            left = due - time.perf_counter()
        return None if self.over else visitor.visit(due)


class ClosedPace:
    """Each user asks again `think` seconds after its answer, for `seconds` from the opening of the gate.

    Users start at random offsets, since those that start together stay in phase and knock all at once. After a failure
    of the connection a user pauses, so that a dead target is not met with a storm.
    """

    def __init__(self, seconds: float, users: int, think: float) -> None:
        self.gate = Gate(users)
        self.late = 0
        self.over = False
        self._seconds = seconds
        self._think = think

    def join(self) -> None:
        """Wait for the gate, then for this user's offset."""
        self.gate.pass_through()
        gevent.sleep(random.random() * min(max(self._think, _SPREAD), self._seconds / 4))  # noqa: S311 - no secret

    def turn(self, visitor: Visitor) -> Sample | None:
        """Let the visitor take one turn."""
        left = self.gate.begin + self._seconds - time.perf_counter()
        if left <= 0 or self.over:
            return None
        sample = visitor.visit()
        broken = sample.failure is not None and sample.failure.error_class is ErrorClass.TRANSPORT
        pause = max(self._think, _PAUSE) if broken else self._think
        if pause:
            gevent.sleep(min(pause, left))
        return sample
