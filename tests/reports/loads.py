"""Load rows made from latencies that are known, second by second."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from reports.histogram import encode
from reports.records import CostSample, Counts, Latency, Load, LoadSecond, Percentiles, TargetCost

NOTHING = Percentiles(p50=0, p90=0, p95=0, p99=0, p99_9=0, max=0, mean=0)


def drawn(
    chance: random.Random, seconds: int, rate: int, median_ms: float, spread: float, wander: float = 0.0
) -> list[list[float]]:
    """Return latencies (ms) by second: log-normal around a median that itself wanders from second to second."""
    return [
        [median * chance.lognormvariate(0, spread) for _ in range(rate)]
        for _ in range(seconds)
        for median in [median_ms * chance.lognormvariate(0, wander)]
    ]


def load_of(
    seconds: Sequence[Sequence[float]], failed: Sequence[int] = (), cpu: Sequence[float] = (), **changes: Any
) -> Load:
    """Return the row of a run in which these latencies (ms) ended in these seconds; `cpu` is in percent."""
    failures = list(failed) or [0] * len(seconds)
    series = [_second(index, one, failures[index]) for index, one in enumerate(seconds)]
    total = sum(each.completed for each in series)
    facts: dict[str, Any] = {
        "scenario": "steady",
        "operation": "tools/call echo",
        "model": "open",
        "rate": 100.0,
        "arrivals": "constant",
        "revision": "2025-11-25",
        "seconds": float(len(seconds)),
        "counts": Counts(total=total, ok=total - sum(failures), failed=sum(failures)),
        "corrected": Latency(percentiles=NOTHING, samples=total - sum(failures)),
        "series": tuple(series),
    }
    if cpu:
        samples = tuple(CostSample(second=at + 0.5, cpu_percent=used, rss_bytes=1) for at, used in enumerate(cpu))
        facts["target"] = TargetCost(cpu_percent_mean=1, cpu_percent_max=1, rss_bytes_max=1, series=samples)
    return Load(**(facts | changes))


def _second(index: int, latencies: Sequence[float], failed: int) -> LoadSecond:
    values: dict[int, int] = {}
    for one in latencies:
        values[max(1, int(one * 1000))] = values.get(max(1, int(one * 1000)), 0) + 1
    histogram = encode(values, 3_600_000_000) if values else ""
    return LoadSecond(second=index, completed=len(latencies) + failed, failed=failed, histogram=histogram)
