"""How figures are made: cases in alternation, medians with ranges, ratios against a goal.

A `Benchmark` is a set of cases that are compared. `measure` runs them A B C A B C, so that whatever slows the machine
for a while slows all of them; a ratio is the median of the ratios of each round.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from loadtest.benchmarks.machine import Usage

__all__ = ["BUSY", "Benchmark", "Case", "Goal", "Limit", "Measured", "Ratio", "Sample", "measure"]

BUSY = 0.08
"""The share of a core that others may take before a figure is none."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: `value` in the unit of its benchmark, `cost` in microseconds of processor time a call."""

    value: float
    cost: float | None = None
    others: float | None = None

    @classmethod
    def of_calls(cls, calls: int, usage: Usage) -> Sample:
        """Return the calls a second, and what one cost."""
        cost = usage.processor / calls * 1e6 if calls else None
        return cls(calls / usage.seconds, cost, usage.others)


@dataclass(frozen=True, slots=True)
class Case:
    """One of those that are compared: what it is called, and how it is measured once."""

    name: str
    measure: Callable[[], Sample]


@dataclass(frozen=True, slots=True)
class Goal:
    """`ours` is to be `factor` times as good as `peer`: as many calls, or as little time or memory."""

    ours: str
    peer: str
    factor: float


@dataclass(frozen=True, slots=True)
class Limit:
    """The median of `name` is to be `most` at most."""

    name: str
    most: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What is compared, in which unit, and what is aimed at. `less_is_better` holds for time and memory."""

    title: str
    unit: str
    cases: tuple[Case, ...]
    goals: tuple[Goal, ...] = ()
    limits: tuple[Limit, ...] = ()
    less_is_better: bool = False


@dataclass(frozen=True, slots=True)
class Ratio:
    """How a goal was met: the median of the rounds' ratios, the same for processor time where both have it."""

    goal: Goal
    ratio: float
    by_cost: float | None

    @property
    def met(self) -> bool:
        """Whether the goal was reached."""
        return self.ratio >= self.goal.factor


@dataclass(frozen=True, slots=True)
class Measured:
    """A benchmark with its samples: one list a case, in the order of the rounds."""

    benchmark: Benchmark
    samples: dict[str, list[Sample]]

    def values(self, name: str) -> list[float]:
        """Return the values of a case, one a round."""
        return [sample.value for sample in self.samples[name]]

    def median(self, name: str) -> float:
        """Return the median of a case."""
        return statistics.median(self.values(name))

    def cost(self, name: str) -> float | None:
        """Return the median microseconds of processor time a call, if they were measured."""
        costs = self._costs(name)
        return statistics.median(costs) if costs else None

    def _costs(self, name: str) -> list[float]:
        return [sample.cost for sample in self.samples[name] if sample.cost is not None]

    @property
    def others(self) -> float | None:
        """The largest share of a core that others took during any sample; None where nobody can tell."""
        return max(
            (one.others for all_ in self.samples.values() for one in all_ if one.others is not None), default=None
        )

    @property
    def busy(self) -> bool:
        """Whether the machine had so much else to do that the values are no results."""
        return (self.others or 0.0) > BUSY

    @property
    def met(self) -> bool:
        """Whether every goal was reached, and every limit kept."""
        kept = all(self.median(limit.name) <= limit.most for limit in self.benchmark.limits)
        return kept and all(ratio.met for ratio in self.ratios)

    @property
    def ratios(self) -> list[Ratio]:
        """Every goal with what was reached."""
        return [self._ratio(goal) for goal in self.benchmark.goals]

    def _ratio(self, goal: Goal) -> Ratio:
        ours, theirs = self.values(goal.ours), self.values(goal.peer)
        better, worse = (theirs, ours) if self.benchmark.less_is_better else (ours, theirs)
        costs = list(zip(self._costs(goal.ours), self._costs(goal.peer), strict=False))
        return Ratio(
            goal, _middle(better, worse), _middle([b for _, b in costs], [a for a, _ in costs]) if costs else None
        )


def _middle(upper: list[float], lower: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(upper, lower, strict=True))


def measure(benchmark: Benchmark, rounds: int, tell: Callable[[str], None] = lambda _line: None) -> Measured:
    """Run all cases `rounds` times in alternation; `tell` hears of each sample."""
    samples: dict[str, list[Sample]] = {case.name: [] for case in benchmark.cases}
    for number in range(1, rounds + 1):
        for case in benchmark.cases:
            sample = case.measure()
            samples[case.name].append(sample)
            tell(f"{benchmark.title}, round {number}, {case.name}: {sample.value:,.1f} {benchmark.unit}")
    return Measured(benchmark, samples)
