"""How the number of users of a closed model changes over time, for Locust (`locust -f` with a shape class)."""

from __future__ import annotations

from typing import ClassVar

from locust import LoadTestShape

from loadtest.stages import Stage, users_at

__all__ = ["Stages"]


class Stages(LoadTestShape):
    """A shape made of stages: subclass it and set `stages`. All users of a step start at once."""

    abstract = True
    stages: ClassVar[tuple[Stage, ...]] = ()

    def tick(self) -> tuple[int, float] | None:
        """Return the users wanted now and the spawn rate, None at the end (Locust's contract)."""
        users = users_at(self.stages, self.get_run_time())  # type: ignore[no-untyped-call] # Locust's own
        return None if users is None else (users, float(max(1, users)))
