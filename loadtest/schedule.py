"""When the requests of an open model are meant to start: pure, and the same again for the same seed."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator

from loadtest.stages import Stretch
from loadtest.workload import OpenModel, Operation

__all__ = ["choices", "intended_starts"]


def intended_starts(model: OpenModel, duration: float, seed: int, warm_up: float = 0.0) -> Iterator[float]:
    """Yield the intended starts in seconds from the beginning, ascending, all below `duration`.

    A shape begins after `warm_up`, in which its first level is held. Constant arrivals come when the sum of the rate
    over time reaches the next whole number, counted rather than added up, so that no error adds up. A Poisson process
    is the same sum, reached in steps of an exponential law (a change of the time scale keeps it one).
    """
    passed = begin = 0.0
    stretches = _stretches(model, warm_up)
    stretch = next(stretches)
    for count in _counts(model, random.Random(seed)):  # noqa: S311 - a repeatable load, not a secret
        while count >= passed + stretch.count:
            passed, begin = passed + stretch.count, begin + stretch.seconds
            following = next(stretches, None)
            if following is None or begin >= duration:
                return
            stretch = following
        start = begin + stretch.when(count - passed)
        if start >= duration:
            return
        yield start


def _counts(model: OpenModel, dice: random.Random) -> Iterator[float]:
    if model.arrivals == "constant":
        return itertools.count(0.0)
    return itertools.accumulate(dice.expovariate(1.0) for _ in itertools.repeat(None))


def _stretches(model: OpenModel, warm_up: float) -> Iterator[Stretch]:
    if model.shape is None:
        yield Stretch(first=model.rate, last=model.rate, seconds=math.inf)
        return
    first, last = model.shape.stretches[0].first, model.shape.stretches[-1].last
    if warm_up:
        yield Stretch(first=first, last=first, seconds=warm_up)
    yield from model.shape.stretches
    if last:
        yield Stretch(first=last, last=last, seconds=math.inf)


def choices(operations: tuple[Operation, ...], seed: int) -> Iterator[int]:
    """Yield without end the index of the next operation, as often as its weight says."""
    if len(operations) == 1:
        while True:
            yield 0
    dice = random.Random(seed)  # noqa: S311 - a repeatable load, not a secret
    weights = [operation.weight for operation in operations]
    indices = range(len(operations))
    while True:
        yield from dice.choices(indices, weights, k=1024)
