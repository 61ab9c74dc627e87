"""Growth that is a leak, and growth that is none."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from loadtest.leaks import QUANTITIES, Point, examine, theil_sen

MEMORY = QUANTITIES["memory"]
MIB = 1024.0 * 1024.0
RATE = 40.0
"""Sessions a second."""


def series(held: Callable[[float], float], seconds: float = 60.0, seed: int = 0) -> list[Point]:
    """A look each quarter of a second at a process that holds `held(seconds)` MiB and up to two of garbage."""
    dice = random.Random(seed)
    times = [step / 4 for step in range(int(seconds * 4))]
    return [Point(at, RATE * at, MIB * (80 + held(at) + 2 * dice.random() ** 2)) for at in times]


LEAKS: dict[str, Callable[[float], float]] = {
    "50 KiB a session": lambda at: RATE * at * 50 / 1024,
    "8 KiB a session": lambda at: RATE * at * 8 / 1024,
    "a little after a big warm-up": lambda at: 60 * (1 - math.exp(-at)) + RATE * at * 20 / 1024,
    "in steps of a mebibyte, as allocators take it": lambda at: float(int(RATE * at * 10 / 1024)),
}
HONEST: dict[str, Callable[[float], float]] = {
    "flat": lambda _: 0.0,
    "a cache that fills in the first seconds": lambda at: 40 * (1 - math.exp(-at / 4)),
    "a cache that fills through half of the run": lambda at: 40 * (1 - math.exp(-at / 12)),
    "one step in the middle": lambda at: 30.0 if at > 35 else 0.0,
    "two steps": lambda at: 10.0 * (at > 28) + 10.0 * (at > 50),
    "a step in each of the last stretches of a quarter": lambda at: 8.0 * int(at / 15),
    "garbage collected each ten seconds": lambda at: 2 * (at % 10),
    "growth that levels off": lambda at: 20 * math.sqrt(at / 60) if at < 40 else 20 * math.sqrt(40 / 60),
    "shrinking": lambda at: -0.2 * at,
    "a heap that a collector lets grow by a tenth": lambda at: 7.5 * at / 60,
    "a single spike": lambda at: 500.0 if 30 < at < 31 else 0.0,
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_found_however_it_is_dressed(name: str, seed: int) -> None:
    found = examine(MEMORY, series(LEAKS[name], seed=seed))
    assert found is not None
    assert found.leaks


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", HONEST)
def test_what_comes_and_stays_or_goes_is_no_leak(name: str, seed: int) -> None:
    found = examine(MEMORY, series(HONEST[name], seed=seed))
    assert found is not None
    assert not found.leaks


def test_the_slope_is_given_per_unit_of_work_and_per_second_with_its_interval() -> None:
    found = examine(MEMORY, series(LEAKS["50 KiB a session"]))
    assert found is not None
    assert found.per_unit.low <= 51_200 <= found.per_unit.high
    assert found.per_unit.middle == pytest.approx(51_200, rel=0.02)
    assert found.per_second.middle == pytest.approx(51_200 * RATE, rel=0.02)
    assert found.certain == pytest.approx(found.per_unit.low * found.units)


def test_memory_that_follows_time_alone_is_measured_against_the_work_done() -> None:
    # Twice as much work in the later half: what each unit leaves behind is less there, but it does not stop.
    points = [Point(at / 4, at / 4 if at < 120 else at / 2 - 30, 80 * MIB + at * 0.5 * MIB) for at in range(240)]
    found = examine(MEMORY, points)
    assert found is not None
    assert found.leaks


@pytest.mark.parametrize(
    "points",
    [
        [],
        [Point(0.0, 0.0, 1.0)],
        [Point(0.0, at, 1.0) for at in range(50)],
        [Point(at, 0.0, 1.0) for at in range(50)],
        [Point(at, at, 1.0) for at in range(6)],
    ],
)
def test_too_little_to_tell_is_no_verdict(points: list[Point]) -> None:
    assert examine(MEMORY, points) is None


def test_counts_leak_one_at_a_time() -> None:
    descriptors = QUANTITIES["descriptors"]
    leaking = [Point(at / 4, at, 20.0 + at // 4) for at in range(240)]
    steady = [Point(at / 4, at, 20.0 + at % 7) for at in range(240)]
    found, calm = examine(descriptors, leaking), examine(descriptors, steady)
    assert found is not None
    assert calm is not None
    assert (found.leaks, calm.leaks) == (True, False)
    assert found.per_unit.middle == pytest.approx(0.25, rel=0.1)


def test_the_median_of_slopes_shrugs_at_outliers() -> None:
    points = [(float(x), 3.0 * x) for x in range(12)]
    points[4] = (4.0, 1e9)
    assert theil_sen(points).middle == pytest.approx(3.0)
    assert theil_sen(points[:3]).low == -math.inf
