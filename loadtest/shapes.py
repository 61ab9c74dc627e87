"""How the number of users of a closed model changes over time, for Locust (`locust -f` with a shape class).

from loadtest.shapes import Shaped

class Noon(Shaped):
    abstract = False
    shape = "ramp 10..200 over 30s then hold 200 for 1m"
"""

from __future__ import annotations

from typing import ClassVar

from locust import LoadTestShape

from loadtest.stages import Shape, Stage, parse_shape, users_at

__all__ = ["Shaped", "Stages"]


class Stages(LoadTestShape):
    """A shape made of stages: subclass it and set `stages`. All users of a step start at once."""

    abstract = True
    stages: ClassVar[tuple[Stage, ...]] = ()

    def tick(self) -> tuple[int, float] | None:
        """Return the users wanted now and the spawn rate, None at the end (Locust's contract)."""
        users = users_at(self.stages, self.get_run_time())  # type: ignore[no-untyped-call] # Locust's own
        return None if users is None else (users, float(max(1, users)))


class Shaped(LoadTestShape):
    """A shape as `touchstone load --shape` takes it: subclass it and set `shape`. It ends with its last stretch.

    Raises ValueError, when it is made, for a shape that cannot be read.
    """

    abstract = True
    shape: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Locust's own
        self.parsed: Shape = parse_shape(self.shape)

    def tick(self) -> tuple[int, float] | None:
        """Return the users wanted now and the spawn rate, None at the end (Locust's contract)."""
        elapsed = self.get_run_time()  # type: ignore[no-untyped-call] # Locust's own
        if elapsed >= self.parsed.seconds:
            return None
        users = round(self.parsed.level_at(elapsed))
        return users, float(max(1, users))
