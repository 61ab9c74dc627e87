"""A trend follows the floor of a series, as the judgement of a soak does."""

import random

import pytest

from loadtest.leaks import QUANTITIES, Point, examine
from reports.trend_line import trend_of


def sawtooth(slope: float, seconds: int = 120) -> list[tuple[float, float]]:
    """Memory in MiB that a collector of garbage brings down, above a floor that rises."""
    chance = random.Random(7)
    return [(float(at), 100 + slope * at + (at % 7) * 3 + chance.random()) for at in range(seconds)]


@pytest.mark.parametrize("slope", [0.0, 0.5, -0.25])
def test_it_is_that_of_the_lowest_values(slope: float) -> None:
    trend = trend_of(sawtooth(slope))
    assert trend.slope == pytest.approx(slope, abs=0.05)
    assert trend.at(60) == pytest.approx(100 + slope * 60, abs=2)


def test_it_is_what_a_soak_judges() -> None:
    points = sawtooth(0.5)
    growth = examine(QUANTITIES["memory"], [Point(at=at, work=at, value=value) for at, value in points])
    assert trend_of(points).slope == pytest.approx(growth.per_second.middle)


def test_gaps_and_a_start_that_soars_do_not_bend_it() -> None:
    points = [(at, None if at % 10 == 3 else value * (3 if at < 20 else 1)) for at, value in sawtooth(0.5)]
    assert trend_of(points).slope == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("points", [[], [(0.0, None)], [(1.0, 5.0)], [(1.0, 5.0)] * 20, sawtooth(1.0, 6)])
def test_what_is_too_short_has_none(points: list[tuple[float, float | None]]) -> None:
    assert trend_of(points) is None
