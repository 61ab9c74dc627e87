"""Does something grow with the work that a target does, and not stop? Statistics only: no process, no clock.

What a process holds is noisy in ways that a straight line does not know: caches fill and then rest, an allocator takes
memory in steps and keeps it, garbage comes and goes. So the floor of each stretch of time is looked at instead of
every sample, the beginning is left out, and a leak is only what grows for sure, by more than allocators explain, in
the later half as well as in the whole, and there not much more slowly.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import combinations

from msgspec import Struct

__all__ = ["QUANTITIES", "Growth", "Point", "Quantity", "Slope", "examine", "theil_sen"]

_WARM_UP = 0.25
"""The part of a run that is not judged: caches fill, and the allocator finds its size."""
_STRETCHES = 12
"""Stretches of which the floor is taken: few enough that neighbours are nearly independent."""
_FEWEST = 8
"""Fewer stretches tell nothing."""
_UNDIMINISHED = 0.5
"""A leak does not tire: later units of work leave at least this part behind of what all of them do."""
_NORMAL = 1.96
"""How many standard deviations of Kendall's statistic 95 % lie within."""


class Quantity(Struct, frozen=True, kw_only=True):
    """What may leak. `noise` is how much of it comes and stays without any leak, or the part `share` of what there was
    where that is more: collectors of garbage wait for the heap to grow by some of its size. `unit` is for people."""

    name: str
    noise: float
    unit: str
    share: float = 0.0


QUANTITIES = {
    "memory": Quantity(name="memory", noise=2 * 1024 * 1024, unit="bytes", share=0.1),
    "descriptors": Quantity(name="descriptors", noise=16, unit="descriptors"),
    "threads": Quantity(name="threads", noise=8, unit="threads"),
}


class Point(Struct, frozen=True):
    """One look at a process: seconds of the run, units of work done until then, and how much it holds."""

    at: float
    work: float
    value: float


class Slope(Struct, frozen=True):
    """How much is left behind for each of something, and the ends of the 95 % interval."""

    middle: float
    low: float
    high: float


class Growth(Struct, frozen=True, kw_only=True):
    """What was found of one quantity, over `seconds` and `units` of work after the warm-up; `later` is per unit, too,
    over the `later_units` of the second half. `noise` is what need not be a leak."""

    quantity: Quantity
    per_second: Slope
    per_unit: Slope
    later: Slope
    seconds: float
    units: float
    later_units: float
    noise: float

    @property
    def certain(self) -> float:
        """Growth over the time that was judged, by the low end of the interval."""
        return max(0.0, self.per_unit.low * self.units)

    @property
    def leaks(self) -> bool:
        """The verdict: sure, more than noise, and not tiring."""
        noise = self.noise
        still = self.later.low * self.later_units > noise / 4 and self.per_second.low > 0
        return still and self.certain > noise and self.later.middle >= _UNDIMINISHED * self.per_unit.middle


def examine(quantity: Quantity, points: Sequence[Point]) -> Growth | None:
    """Judge a series in the order of time. None where it is too short, or no work was done, so that nothing is told."""
    if not points:
        return None
    begin, end = points[0].at, points[-1].at
    judged = [point for point in points if point.at >= begin + _WARM_UP * (end - begin)]
    floors = _floors(judged)
    if len(floors) < _FEWEST or floors[-1].work <= floors[0].work:
        return None
    late = floors[len(floors) // 2 :]
    return Growth(
        quantity=quantity,
        per_second=theil_sen([(point.at, point.value) for point in floors]),
        per_unit=theil_sen([(point.work, point.value) for point in floors]),
        later=theil_sen([(point.work, point.value) for point in late]),
        seconds=floors[-1].at - floors[0].at,
        units=floors[-1].work - floors[0].work,
        later_units=late[-1].work - late[0].work,
        noise=max(quantity.noise, quantity.share * floors[0].value),
    )


def _floors(points: Sequence[Point]) -> list[Point]:
    """Return the lowest point of each stretch of equal length, in the order of time."""
    if len(points) < 2 or points[-1].at <= points[0].at:
        return []
    begin, length = points[0].at, (points[-1].at - points[0].at) / _STRETCHES
    stretches: dict[int, list[Point]] = {}
    for point in points:
        stretches.setdefault(min(_STRETCHES - 1, int((point.at - begin) / length)), []).append(point)
    return [min(stretches[index], key=lambda point: point.value) for index in sorted(stretches)]


def theil_sen(points: Sequence[tuple[float, float]]) -> Slope:
    """Return the median of the slopes between all pairs, with the interval of Sen (95 %, from the variance of Kendall's
    statistic). It shrugs at outliers. Fewer than four points tell nothing, and have an infinite interval."""
    slopes = sorted((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x2 > x1)
    number = len(points)
    if number < 4 or not slopes:
        return Slope(statistics.median(slopes) if slopes else 0.0, -math.inf, math.inf)
    spread = _NORMAL * math.sqrt(number * (number - 1) * (2 * number + 5) / 18)
    outside = max(0, math.floor((len(slopes) - spread) / 2))
    return Slope(statistics.median(slopes), slopes[outside], slopes[-1 - outside])
