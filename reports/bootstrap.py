"""Whether two series of seconds differ: a block bootstrap, seeded, on what was counted in each.

Seconds of a run are no independent samples (a pause of the target slows many calls at once), single calls even less.
So blocks of successive seconds are drawn again with replacement (Künsch 1989; Carlstein 1986 for blocks that do not
overlap), every figure is computed from each draw, and its spread among the draws is the error of the figure. Intervals
are Student's, with the degrees of freedom of Welch and Satterthwaite, since there are often few blocks.
"""

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, stdev

__all__ = ["CONFIDENCE", "Block", "Estimate", "Interval", "Sample", "difference", "estimate", "gathered"]

CONFIDENCE = 0.99
"""So that of the figures of a comparison, a handful for each operation, hardly one is wrong by chance."""
_DRAWS = 400
_MOST_BLOCKS, _FEWEST_BLOCKS = 60, 10
LEAST_BLOCKS = 4
"""In fewer, there is nothing to draw from."""


@dataclass(frozen=True, slots=True)
class Block:
    """Some successive seconds: what ended in them and how, latencies (microseconds to counts), and the processor
    seconds that the target took for it, None where that is not known."""

    seconds: float
    completed: int
    failed: int
    latencies: Mapping[int, int]
    processor: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its standard error, from so many blocks."""

    value: float
    error: float
    blocks: int


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a difference lies, with `CONFIDENCE`."""

    low: float
    high: float


def gathered(seconds: Sequence[Block]) -> tuple[Block, ...]:
    """Join successive seconds to blocks: each for itself where there are few, else about n to the power of 2/3."""
    many = len(seconds)
    count = min(_MOST_BLOCKS, max(min(many, _FEWEST_BLOCKS), round(many ** (2 / 3))))
    bounds = [round(number * many / count) for number in range(count + 1)] if count else []
    return tuple(_joined(seconds[low:high]) for low, high in pairwise(bounds))


def _joined(seconds: Sequence[Block]) -> Block:
    latencies: dict[int, int] = {}
    for second in seconds:
        for value, count in second.latencies.items():
            latencies[value] = latencies.get(value, 0) + count
    used = [second.processor for second in seconds if second.processor is not None]
    return Block(
        seconds=sum(second.seconds for second in seconds),
        completed=sum(second.completed for second in seconds),
        failed=sum(second.failed for second in seconds),
        latencies=latencies,
        processor=sum(used) if len(used) == len(seconds) else None,
    )


class Sample:
    """The blocks of one side, ready to be drawn from; figures are None where nothing tells them.

    `weights` say how often each block was drawn.
    """

    def __init__(self, blocks: Sequence[Block]) -> None:
        self.blocks = blocks
        self._values = sorted({value for block in blocks for value in block.latencies})
        self._below = [self._cumulated(block) for block in blocks]

    def _cumulated(self, block: Block) -> list[int]:
        total, sums = 0, []
        for value in self._values:
            total += block.latencies.get(value, 0)
            sums.append(total)
        return sums

    @property
    def answered(self) -> int:
        """How many have a latency."""
        return sum(sums[-1] for sums in self._below) if self._values else 0

    @property
    def completed(self) -> int:
        """How many ended, well or not."""
        return sum(block.completed for block in self.blocks)

    @property
    def failed(self) -> int:
        """How many did not end well."""
        return sum(block.failed for block in self.blocks)

    def quantile(self, fraction: float, weights: Sequence[int]) -> float | None:
        """Return the latency (microseconds) that this fraction does not exceed."""
        drawn = [(times, sums) for times, sums in zip(weights, self._below, strict=True) if times]

        def below(index: int) -> int:
            return sum(times * sums[index] for times, sums in drawn)

        total = below(-1) if self._values else 0
        if not total:
            return None
        index = bisect_left(range(len(self._values)), max(1, math.ceil(fraction * total)), key=below)
        return float(self._values[index])

    def throughput(self, weights: Sequence[int]) -> float | None:
        """Return how many ended well, a second."""
        return self._ratio(weights, lambda block: block.completed - block.failed, lambda block: block.seconds)

    def error_share(self, weights: Sequence[int]) -> float | None:
        """Return the share that did not end well."""
        return self._ratio(weights, lambda block: block.failed, lambda block: block.completed)

    def cost(self, weights: Sequence[int]) -> float | None:
        """Return the processor seconds that a call took the target."""
        if any(block.processor is None for block in self.blocks):
            return None
        return self._ratio(weights, lambda block: block.processor or 0.0, lambda block: block.completed)

    def _ratio(
        self, weights: Sequence[int], above: Callable[[Block], float], beneath: Callable[[Block], float]
    ) -> float | None:
        divisor = sum(times * beneath(block) for times, block in zip(weights, self.blocks, strict=True))
        if not divisor:
            return None
        return sum(times * above(block) for times, block in zip(weights, self.blocks, strict=True)) / divisor


def estimate(
    sample: Sample, figure: Callable[[Sequence[int]], float | None], chance: random.Random, *, logarithm: bool
) -> Estimate | None:
    """Return a figure of a sample, or its logarithm, with its error; None where it has none, or too few blocks."""
    many = len(sample.blocks)
    whole = figure([1] * many)
    if many < LEAST_BLOCKS or whole is None or (logarithm and whole <= 0):
        return None
    drawn = [value for _ in range(_DRAWS) if (value := figure(_weights(many, chance))) is not None]
    if logarithm:
        whole, drawn = math.log(whole), [math.log(value) for value in drawn if value > 0]
    # A draw of n blocks varies by (n - 1) / n of what n blocks do.
    error = stdev(drawn) * math.sqrt(many / (many - 1)) if len(drawn) > 1 else math.inf
    return Estimate(whole, error, many)


def _weights(many: int, chance: random.Random) -> list[int]:
    weights = [0] * many
    for _ in range(many):
        weights[int(chance.random() * many)] += 1
    return weights


def difference(before: Estimate, after: Estimate) -> Interval:
    """Return where `after` less `before` lies."""
    squares = [(each.error**2, each.blocks - 1) for each in (before, after)]
    variance = sum(square for square, _ in squares)
    far = sum(square**2 / freedom for square, freedom in squares)
    freedom = variance**2 / far if far > 0 and math.isfinite(far) else min(count for _, count in squares)
    apart = after.value - before.value
    reach = _student((1 + CONFIDENCE) / 2, freedom) * math.sqrt(variance)
    return Interval(apart - reach, apart + reach)


def _student(probability: float, freedom: float) -> float:
    """Return a quantile of Student's distribution (Cornish and Fisher's expansion: within 1 % from 4 degrees on)."""
    z = NormalDist().inv_cdf(probability)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))
