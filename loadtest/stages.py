"""How the number of users of a closed model changes over time: stages, and what they say at a moment."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Stage", "ramp", "users_at"]


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
