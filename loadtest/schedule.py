"""When the requests of an open model are meant to start: pure, and the same again for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator

from loadtest.workload import OpenModel, Operation

__all__ = ["choices", "intended_starts"]


def intended_starts(model: OpenModel, duration: float, seed: int) -> Iterator[float]:
    """Yield the intended starts in seconds from the beginning, ascending, all below `duration`.

    Constant arrivals are multiples of the interval, counted rather than summed up, so that no error adds up.
    """
    if model.arrivals == "poisson":
        yield from _poisson(model.rate, duration, random.Random(seed))  # noqa: S311 - a repeatable load, not a secret
        return
    number = 0
    while (start := number / model.rate) < duration:
        yield start
        number += 1


def _poisson(rate: float, duration: float, dice: random.Random) -> Iterator[float]:
    start = dice.expovariate(rate)
    while start < duration:
        yield start
        start += dice.expovariate(rate)


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
