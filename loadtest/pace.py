"""When a user sends next: the open and the closed model, as seen by one of many users. gevent, but no Locust."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import gevent
import gevent.event

from loadtest.sample import Sample
from loadtest.stages import Shape
from loadtest.visitor import Visitor
from reference_impl.metrics import ErrorClass

__all__ = ["Clock", "ClosedPace", "Gate", "OpenPace", "Pace", "Seating"]

_PAUSE = 0.1
_SPREAD = 0.1


class Clock(NamedTuple):
    """What time is it, and how to let it pass; seconds."""

    now: Callable[[], float] = time.perf_counter
    sleep: Callable[[float], None] = gevent.sleep


_REAL = Clock()


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

    def __init__(self, starts: Iterator[float], users: int, timeout: float, clock: Clock = _REAL) -> None:
        self.gate = Gate(users)
        self._starts = starts
        self._timeout = timeout
        self._clock = clock
        self.over = False
        self._fresh = users
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
        left = due - self._clock.now()
        fresh, self._fresh = self._fresh > 0, self._fresh - 1
        if left < 0:
            self.late += not fresh  # who has only just come in was not busy
            if -left > self._timeout:
                self._clock.sleep(0)
                return visitor.give_up(due)
        while left > 0:
            self._clock.sleep(left)
            left = due - self._clock.now()
        return None if self.over else visitor.visit(due)


@dataclass(frozen=True, slots=True)
class Seating:
    """How the number of users changes, after `warm_up` seconds. Of all seats this process has every `step`-th, from
    `first` on: as one of several that share the users."""

    shape: Shape
    warm_up: float = 0.0
    first: int = 0
    step: int = 1


class ClosedPace:
    """Each user asks again `think` seconds after its answer, for `seconds` from the opening of the gate.

    Users start at random offsets, since those that start together stay in phase and knock all at once. After a failure
    of the connection a user pauses, so that a dead target is not met with a storm. Where their number has a shape,
    each user has a seat, and rests while the level is below it.
    """

    def __init__(
        self, seconds: float, users: int, think: float, seating: Seating | None = None, clock: Clock = _REAL
    ) -> None:
        self.gate = Gate(users)
        self.late = 0
        self.over = False
        self._seconds = seconds
        self._think = think
        self._seating = seating
        self._clock = clock
        self._seats: dict[object, int] = {}

    def join(self) -> None:
        """Wait for the gate, then for this user's offset."""
        self.gate.pass_through()
        gevent.sleep(random.random() * min(max(self._think, _SPREAD), self._seconds / 4))  # noqa: S311 - no secret

    def turn(self, visitor: Visitor) -> Sample | None:
        """Let the visitor take one turn."""
        if self._seating is not None and not self._rested(self._seating):
            return None
        left = self.gate.begin + self._seconds - self._clock.now()
        if left <= 0 or self.over:
            return None
        sample = visitor.visit()
        broken = sample.failure is not None and sample.failure.error_class is ErrorClass.TRANSPORT
        pause = max(self._think, _PAUSE) if broken else self._think
        if pause:
            self._clock.sleep(min(pause, left))
        return sample

    def _rested(self, seating: Seating) -> bool:
        """Wait until this user's seat is one of those that count; return False if that is never again."""
        place = self._seats.setdefault(gevent.getcurrent(), len(self._seats))
        elapsed = self._clock.now() - self.gate.begin - seating.warm_up
        # The level is rounded: the first seat counts from half a user on.
        seat = seating.first + place * seating.step
        needed = seating.shape.reached(seat + 0.5, max(0.0, elapsed))
        if needed is None or needed + seating.warm_up >= self._seconds:
            return False
        if needed > max(0.0, elapsed):
            self._clock.sleep(needed - elapsed)
        return True
