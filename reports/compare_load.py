"""Two measurements of the same load held against each other: intervals for what differs, and when not to compare."""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

from reports.bootstrap import LEAST_BLOCKS, Block, Sample, difference, estimate, gathered
from reports.comparison import LoadDifference, Measure, ObjectiveChange, Tellable
from reports.histogram import HistogramError, decode
from reports.rows import Load
from reports.units import asked_for

__all__ = ["MARGIN", "compare_loads", "sample_of"]

MARGIN = 0.05
"""Ratios that differ by less are not told: two runs of the same program differ by as much."""
_SHARE_MARGIN = 0.001
_ENOUGH = {0.5: 20, 0.99: 1000}
"""Answers without which fewer than ten lie beyond the percentile."""

Figure = Callable[[Sequence[int]], float | None]


def compare_loads(
    before: Iterable[Load], after: Iterable[Load], *, apart: tuple[str, ...] = (), seed: int = 0, margin: float = MARGIN
) -> Iterator[LoadDifference]:
    """Yield what can be told of each operation; `apart` says what keeps anything of the two from being compared."""
    ours, theirs = _by_operation(before), _by_operation(after)
    for scenario, operation in dict.fromkeys([*ours, *theirs]):
        left, right = ours.get((scenario, operation)), theirs.get((scenario, operation))
        if left is None or right is None:
            lone = (f"only {'B' if left is None else 'A'} has it",)
            yield LoadDifference(scenario=scenario, operation=operation, refused=lone)
            continue
        refused = (*apart, *_apart(left, right))
        samples = () if refused else (sample_of(left), sample_of(right))
        if any(len(sample.blocks) < LEAST_BLOCKS or not sample.completed for sample in samples):
            refused = (f"a run of less than {LEAST_BLOCKS} s, or without its seconds, tells nothing of its own spread",)
        judge = None if refused else _Judge(samples, random.Random(seed), margin)  # noqa: S311 - draws, not secrets
        yield LoadDifference(
            scenario=scenario,
            operation=operation,
            refused=refused,
            measures=() if judge is None else tuple(_measures(judge, left, right)),
            objectives=tuple(_objectives(left, right)) if samples else (),
        )


def _by_operation(loads: Iterable[Load]) -> dict[tuple[str, str], Load]:
    """Return the rows that can be compared, by scenario and operation; how conversations were opened has no seconds."""
    found: dict[tuple[str, str], Load] = {}
    for load in loads:
        if load.series or not any(load.scenario == scenario for scenario, _ in found):
            found[load.scenario, load.operation] = load
    return found


def _apart(left: Load, right: Load) -> Iterator[str]:
    """Yield what makes two measurements speak of different things."""
    for side, load in (("A", left), ("B", right)):
        if not load.valid:
            reasons = load.generator.reasons if load.generator else ()
            yield f"{side} is no result: {'; '.join(reasons) or 'the generator was the limit'}"
        elif not load.counts.total:
            yield f"{side} counted nothing"
    if left.model != right.model:
        yield f"A is of the {left.model} model, B of the {right.model} one"
    elif (asked := (_asked(left), _asked(right)))[0] != asked[1]:
        yield f"A asked for {asked[0]}, B for {asked[1]}"
    if left.revision and right.revision and left.revision != right.revision and left.side == right.side:
        yield f"A spoke {left.revision}, B {right.revision}"
    workers = [max(1, len(load.workers)) for load in (left, right)]
    if workers[0] != workers[1]:
        yield f"A was made by {workers[0]} generators, B by {workers[1]}"


def _asked(load: Load) -> str:
    """Return how much was asked for; how many users stand ready for a rate is no part of it."""
    if load.model == "open" and not load.shape and load.rate is not None:
        return f"{load.rate:g} a second, {load.arrivals or 'constant'}"
    think = f", thinking {load.think_seconds:g} s" if load.think_seconds else ""
    return asked_for(load) + think


def _objectives(left: Load, right: Load) -> Iterator[ObjectiveChange]:
    before = {each.text: each.met for each in left.objectives}
    for each in right.objectives:
        if each.text in before and before[each.text] != each.met:
            yield ObjectiveChange(text=each.text, before=before[each.text], after=each.met)


def sample_of(load: Load) -> Sample:
    """Return the seconds of a measurement as blocks, those in which nothing ended among them."""
    series = {each.second: each for each in load.series}
    used = _processor(load)
    seconds = []
    # Of sides that took turns every second of theirs is there, and what was broken off between them is not.
    for index in range(len(load.series) if load.side else int(load.seconds)):
        second = series.get(index)
        latencies = {} if second is None else _latencies(second.histogram)
        completed, failed = (0, 0) if second is None else (second.completed, second.failed)
        seconds.append(Block(1.0, completed, failed, latencies, used.get(index)))
    return Sample(gathered(seconds))


def _latencies(encoded: str) -> dict[int, int]:
    try:
        return {bucket.value: bucket.count for bucket in decode(encoded)} if encoded else {}
    except HistogramError:
        return {}


def _processor(load: Load) -> dict[int, float]:
    """Return the processor seconds that the target used in each second, as far as they were sampled."""
    sampled: dict[int, list[float]] = {}
    for each in load.target.series if load.target is not None else ():
        sampled.setdefault(int(each.second), []).append(each.cpu_percent / 100)
    return {second: sum(values) / len(values) for second, values in sampled.items()}


def _measures(judge: "_Judge", left: Load, right: Load) -> Iterator[Measure]:
    for name, fraction in (("p50", 0.5), ("p99", 0.99)):
        yield judge.quantile(name, fraction)
    yield judge.ratio("throughput", "/s", [sample.throughput for sample in judge.samples], higher_is_better=True)
    yield judge.errors()
    if left.target is not None and right.target is not None:
        yield judge.ratio("cost a call", "ms", [sample.cost for sample in judge.samples], scale=1000)


class _Judge:
    """Judges the figures of two samples, all with the same chance."""

    def __init__(self, samples: Sequence[Sample], chance: random.Random, margin: float) -> None:
        self.samples = samples
        self._chance = chance
        self._margin = margin

    def quantile(self, name: str, fraction: float) -> Measure:
        """Judge a latency."""
        if min(sample.answered for sample in self.samples) < _ENOUGH[fraction]:
            reason = f"it takes {_ENOUGH[fraction]:,} answers"
            return Measure(name=name, unit="ms", before=None, after=None, verdict="cannot be told", reason=reason)
        figures: list[Figure] = [
            lambda weights, sample=sample: sample.quantile(fraction, weights)  # type: ignore[misc] # bound at once
            for sample in self.samples
        ]
        return self.ratio(name, "ms", figures, scale=0.001)

    def ratio(
        self, name: str, unit: str, figures: Sequence[Figure], *, scale: float = 1, higher_is_better: bool = False
    ) -> Measure:
        """Judge by how many percent a figure has changed."""
        told = [estimate(*each, self._chance, logarithm=True) for each in zip(self.samples, figures, strict=True)]
        before, after = told
        if before is None or after is None:
            return Measure(
                name=name, unit=unit, before=None, after=None, verdict="cannot be told", reason="it was not measured"
            )
        found = difference(before, after)
        if not (math.isfinite(found.low) and abs(found.high) < _FURTHEST):
            return Measure(name=name, unit=unit, before=None, after=None, verdict="cannot be told", reason="too uneven")
        more, less = found.low > math.log1p(self._margin), found.high < -math.log1p(self._margin)
        return Measure(
            name=name,
            unit=unit,
            before=math.exp(before.value) * scale,
            after=math.exp(after.value) * scale,
            change=math.expm1(after.value - before.value),
            low=math.expm1(found.low),
            high=math.expm1(found.high),
            verdict=_verdict(better=more if higher_is_better else less, worse=less if higher_is_better else more),
        )

    def errors(self) -> Measure:
        """Judge by how many points the share of errors has changed."""
        told = [estimate(sample, sample.error_share, self._chance, logarithm=False) for sample in self.samples]
        before, after = told
        assert before is not None
        assert after is not None
        before, after = (
            type(each)(each.value, max(each.error, _least_error(sample)), each.blocks)
            for each, sample in zip((before, after), self.samples, strict=True)
        )
        found = difference(before, after)
        return Measure(
            name="errors",
            unit="share",
            before=before.value,
            after=after.value,
            change=after.value - before.value,
            low=found.low,
            high=found.high,
            verdict=_verdict(better=found.high < -_SHARE_MARGIN, worse=found.low > _SHARE_MARGIN),
        )


_FURTHEST = 50.0


def _verdict(*, better: bool, worse: bool) -> Tellable:
    return "better" if better else "worse" if worse else "cannot be told"


def _least_error(sample: Sample) -> float:
    """Return the error of a share of so many single trials: where nothing failed, something still might have."""
    share = (sample.failed + 1) / (sample.completed + 2)
    return math.sqrt(share * (1 - share) / sample.completed)
