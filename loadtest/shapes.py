"""How the number of users of a closed model changes over time, for Locust (`locust -f` with a shape class)."""

from __future__ import annotations

from typing import ClassVar

from locust import LoadTestShape
from msgspec import Struct

__all__ = ["Stage", "Stages", "ramp", "users_at"]


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


class Stages(LoadTestShape):
    """A shape made of stages: subclass it and set `stages`. All users of a step start at once."""

    abstract = True
    stages: ClassVar[tuple[Stage, ...]] = ()

    def tick(self) -> tuple[int, float] | None:
        """Return the users wanted now and the spawn rate, None at the end (Locust's contract)."""
        users = users_at(self.stages, self.get_run_time())  # type: ignore[no-untyped-call] # Locust's own
        return None if users is None else (users, float(max(1, users)))
