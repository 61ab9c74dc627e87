"""How load changes over time: a rate of arrivals or a number of users, as stretches that are level or slope.

    ramp 10..200 over 30s            steps 50,100,200 each 10s
    hold 100 for 1m                  spike 50 to 500 for 5s after 10s

Several are joined with `then`. `Stage`, `ramp` and `users_at` are the plain list of numbers of users that a locustfile
may keep instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from math import sqrt

from msgspec import Struct

__all__ = ["SHAPES", "Shape", "Stage", "Stretch", "level", "parse_shape", "ramp", "users_at"]

SHAPES = (
    "write a shape as 'ramp 10..200 over 30s', 'steps 50,100,200 each 10s', 'hold 100 for 1m' or "
    "'spike 50 to 500 for 5s after 10s', several joined with 'then'"
)


class Stretch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A level (arrivals a second, or users) that goes evenly from `first` to `last` within `seconds`."""

    first: float
    last: float
    seconds: float

    @property
    def count(self) -> float:
        """How many arrivals there are in it."""
        return (self.first + self.last) / 2 * self.seconds

    def level_at(self, elapsed: float) -> float:
        """Return the level so many seconds after its beginning."""
        return self.first + (self.last - self.first) * elapsed / self.seconds

    def when(self, count: float) -> float:
        """Return the moment, in seconds from its beginning, by which `count` arrivals have come."""
        rise = (self.last - self.first) / self.seconds
        if rise == 0 or count == 0:
            return count and count / self.first
        # Solved for time in the form that does not subtract what is nearly equal.
        return 2 * count / (self.first + sqrt(max(0.0, self.first**2 + 2 * rise * count)))


class Shape(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stretches one after the other, and `text`, as they were asked for. What lasts longer keeps the last level."""

    text: str
    stretches: tuple[Stretch, ...]

    def __post_init__(self) -> None:
        """Refuse a shape without load."""
        levels = [value for each in self.stretches for value in (each.first, each.last)]
        if not levels or min(levels) < 0 or max(levels) == 0 or min(each.seconds for each in self.stretches) <= 0:
            raise ValueError(f"the shape {self.text!r} has no load: levels must be above 0, and last for a time")

    @property
    def seconds(self) -> float:
        """How long all stretches last."""
        return sum(each.seconds for each in self.stretches)

    @property
    def peak(self) -> float:
        """The highest level."""
        return max(max(each.first, each.last) for each in self.stretches)

    def level_at(self, elapsed: float) -> float:
        """Return the level so many seconds after the beginning; before it, and after the end, the nearest."""
        elapsed = max(0.0, elapsed)
        for stretch in self.stretches:
            if elapsed < stretch.seconds:
                return stretch.level_at(elapsed)
            elapsed -= stretch.seconds
        return self.stretches[-1].last

    def reached(self, wanted: float, elapsed: float) -> float | None:
        """Return the next moment, from `elapsed` on, at which the level is `wanted` or more; None if it never is."""
        end = 0.0
        for stretch in self.stretches:
            begin, end = end, end + stretch.seconds
            if end <= elapsed:
                continue
            if stretch.level_at(max(0.0, elapsed - begin)) >= wanted:
                return max(begin, elapsed)
            if stretch.last >= wanted:
                rise = (stretch.last - stretch.first) / stretch.seconds
                return begin + (wanted - stretch.first) / rise
        return max(end, elapsed) if self.stretches[-1].last >= wanted else None


def level(value: float, seconds: float = 1.0) -> Shape:
    """Return the shape that has none: one level all the time."""
    return Shape(text="", stretches=(Stretch(first=value, last=value, seconds=seconds),))


_PLAIN = r"\d+(?:\.\d+)?"
_NUMBER = f"({_PLAIN})"
_TIME = _NUMBER + r"\s*(ms|s|m)"
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


def _ramp(found: re.Match[str]) -> Iterator[Stretch]:
    yield Stretch(first=float(found[1]), last=float(found[2]), seconds=_seconds(found, 3))


def _steps(found: re.Match[str]) -> Iterator[Stretch]:
    for value in found[1].split(","):
        yield _level(float(value), _seconds(found, 2))


def _hold(found: re.Match[str]) -> Iterator[Stretch]:
    yield _level(float(found[1]), _seconds(found, 2))


def _spike(found: re.Match[str]) -> Iterator[Stretch]:
    """As long after the spike as before it: how a target recovers is what a spike is made for."""
    base, top, around = float(found[1]), float(found[2]), _seconds(found, 5)
    yield _level(base, around)
    yield _level(top, _seconds(found, 3))
    yield _level(base, around)


def _level(value: float, seconds: float) -> Stretch:
    return Stretch(first=value, last=value, seconds=seconds)


def _seconds(found: re.Match[str], group: int) -> float:
    return float(found[group]) * _UNITS[found[group + 1]]


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[Stretch]]], ...] = (
    (re.compile(rf"ramp {_NUMBER} ?(?:\.\.|to) ?{_NUMBER} over {_TIME}"), _ramp),
    (re.compile(rf"steps? ({_PLAIN}(?: ?, ?{_PLAIN})*) each {_TIME}"), _steps),
    (re.compile(rf"hold {_NUMBER} for {_TIME}"), _hold),
    (re.compile(rf"spike {_NUMBER} to {_NUMBER} for {_TIME} after {_TIME}"), _spike),
)


def parse_shape(text: str) -> Shape:
    """Read a shape. Raises ValueError with one line that teaches the syntax."""
    words = " ".join(text.lower().split())
    return Shape(
        text=words, stretches=tuple(each for part in words.split(" then ") for each in _part(part.strip(" ,;")))
    )


def _part(part: str) -> Iterator[Stretch]:
    for form, make in _FORMS:
        if found := form.fullmatch(part):
            return make(found)
    raise ValueError(f"the shape {part!r} cannot be read: {SHAPES}")


class Stage(Struct, frozen=True, kw_only=True):
    """A number of users for a number of seconds."""

    users: int
    seconds: float


def ramp(first: int, last: int, steps: int, seconds: float) -> tuple[Stage, ...]:
    """Return `steps` stages of equal length that lead from `first` to `last` users."""
    if steps < 2:
        raise ValueError("a ramp has at least two steps")
    rise = (last - first) / (steps - 1)
    return tuple(Stage(users=round(first + rise * step), seconds=seconds / steps) for step in range(steps))


def users_at(stages: tuple[Stage, ...], elapsed: float) -> int | None:
    """Return how many users there are `elapsed` seconds after the start, None when all stages are over."""
    for stage in stages:
        if elapsed < stage.seconds:
            return stage.users
        elapsed -= stage.seconds
    return None
