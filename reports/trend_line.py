"""Where a series that goes up and down is heading: the trend of its lowest values, which garbage does not reach."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

_WARM_UP = 0.25
_STRETCHES, _FEWEST = 12, 8


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line from `begin` on: so much at 0, and so much more with every second."""

    begin: float
    base: float
    slope: float

    def at(self, second: float) -> float:
        """Return its height there."""
        return self.base + self.slope * second


def trend_of(points: Sequence[tuple[float, float | None]]) -> Trend | None:
    """Return the line through the lowest of each of twelve stretches behind the first quarter, by the medians of Theil
    and Sen, as a soak judges memory; None where the series is too short for that. Points are in the order of time."""
    known = [(at, value) for at, value in points if value is not None]
    if not known:
        return None
    begin = known[0][0] + _WARM_UP * (known[-1][0] - known[0][0])
    floors = _floors([point for point in known if point[0] >= begin])
    if len(floors) < _FEWEST:
        return None
    slope = statistics.median(
        (after - before) / (end - start) for (start, before), (end, after) in combinations(floors, 2)
    )
    return Trend(begin, statistics.median(value - slope * at for at, value in floors), slope)


def _floors(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    begin, length = points[0][0], (points[-1][0] - points[0][0]) / _STRETCHES
    if not length:
        return []
    stretches: dict[int, list[tuple[float, float]]] = {}
    for at, value in points:
        stretches.setdefault(min(_STRETCHES - 1, int((at - begin) / length)), []).append((at, value))
    return [min(stretches[index], key=lambda point: point[1]) for index in sorted(stretches)]
