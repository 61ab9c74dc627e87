"""What every benchmark is told."""

from __future__ import annotations

from dataclasses import dataclass

from loadtest.benchmarks.environments import Environments

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """`seconds` is how long a throughput is measured, after the warm-up; `environments` has the peers."""

    environments: Environments
    seconds: float = 4.0
    warm_up: float = 0.7
