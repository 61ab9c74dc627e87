"""A load run on a clock that only a test moves: users, and a target of which only the times of service are known."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any

import greenlet

from loadtest.pace import Clock, ClosedPace, OpenPace
from loadtest.sample import Failure, Sample
from reference_impl.metrics import ErrorClass


class Simulation:
    """Time that passes only when everybody sleeps: who sleeps gives way to whoever wakes first."""

    def __init__(self) -> None:
        self.at = 0.0
        self._order = itertools.count()
        self._waking: list[tuple[float, int, greenlet.greenlet]] = []
        self._hub = greenlet.getcurrent()
        self.clock = Clock(lambda: self.at, self.sleep)

    def sleep(self, seconds: float) -> None:
        heapq.heappush(self._waking, (self.at + seconds, next(self._order), greenlet.getcurrent()))
        self._hub.switch()

    def run(self, users: list[Callable[[], None]]) -> None:
        for user in users:
            heapq.heappush(self._waking, (self.at, next(self._order), greenlet.greenlet(user)))
        while self._waking:
            self.at, _, sleeper = heapq.heappop(self._waking)
            sleeper.switch()


class User:
    """A visitor of a target of which only the time of service is known, as a function of the moment of sending."""

    def __init__(
        self, simulation: Simulation, service: Callable[[float], float], told: Callable[[Sample], None]
    ) -> None:
        self._simulation, self._service, self._told = simulation, service, told

    def visit(self, intended: float | None = None) -> Sample:
        sent = self._simulation.at
        self._simulation.sleep(self._service(sent))
        done = self._simulation.at
        return self._tell(Sample("call", sent if intended is None else intended, sent, done, done))

    def give_up(self, intended: float) -> Sample:
        now = self._simulation.at
        return self._tell(Sample("call", intended, now, now, now, 0, Failure(ErrorClass.TIMEOUT, "unsent")))

    def _tell(self, sample: Sample) -> Sample:
        self._told(sample)
        return sample


def served(
    pace: OpenPace | ClosedPace, simulation: Simulation, users: int, service: Callable[[float], float]
) -> list[Sample]:
    samples: list[Sample] = []

    def work() -> None:
        visitor: Any = User(simulation, service, samples.append)
        while pace.turn(visitor) is not None:
            pass

    simulation.run([work] * users)
    return samples
