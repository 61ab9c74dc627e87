"""A run as a server's author would get it: a notes server with a few real defects, and what load did to it."""

import math
import random
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hdrh.histogram import HdrHistogram

from reports.records import (
    CostSample,
    Counts,
    Finding,
    GeneratorHealth,
    Header,
    Latency,
    LittlesLaw,
    Load,
    LoadSecond,
    ObjectiveResult,
    Percentiles,
    Run,
    Target,
    TargetCost,
    Verdict,
    conclude,
)

SAMPLE = tomllib.loads(Path(__file__).with_name("sample.toml").read_text("utf-8"))
REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]
TRANSPORTS = ["stdio", "http"]


def verdicts() -> Iterator[Verdict]:
    for row in SAMPLE["check"]:
        fields = {"check": row["id"], **row}
        fields["requirements"] = [{"id": row["id"], "level": row["level"], "text": row["title"], "page": row["page"]}]
        yield from everywhere(fields)
    for row in SAMPLE["defect"]:
        yield from everywhere(row)


def everywhere(row: dict) -> Iterator[Verdict]:
    for revision in row.get("revisions", REVISIONS):
        for transport in row.get("transports", TRANSPORTS):
            target = "http://127.0.0.1:3000/mcp" if transport == "http" else "-- node build/index.js --root ./notes"
            repeat = f"touchstone check --only {row['check']} --revision {revision} {target}"
            place = {"revision": revision, "transport": transport, "repeat": repeat, "seconds": 0.004}
            yield msgspec.convert(row | place, Verdict)


def latency(rng: random.Random, median_ms: float, spread: float, stall_ms: float) -> Latency:
    histogram = HdrHistogram(1, 600_000_000, 3)
    values = [
        median_ms * math.exp(rng.gauss(0, spread)) + (rng.random() * stall_ms if rng.random() < 0.02 else 0)
        for _ in range(4000)
    ]
    for value in values:
        histogram.record_value(max(1, int(value * 1000)))

    def at(percentile: float) -> float:
        return histogram.get_value_at_percentile(percentile) / 1000

    known = Percentiles(
        p50=at(50), p90=at(90), p95=at(95), p99=at(99), p99_9=at(99.9), max=at(100), mean=sum(values) / len(values)
    )
    return Latency(percentiles=known, histogram=histogram.encode().decode())


def seconds(rng: random.Random, rate: float, median_ms: float) -> Iterator[LoadSecond]:
    """A minute in which the target stalls for two seconds, and then works off what piled up."""
    for second in range(60):
        stalled, after = second in {41, 42}, second == 43
        p50 = median_ms * (9 if stalled else 1) * math.exp(rng.gauss(0, 0.05)) * (1 + second / 200)
        yield LoadSecond(
            second=second,
            completed=int(rate * (0.35 if stalled else 2.2 if after else 1) + rng.gauss(0, rate * 0.02)),
            failed=rng.randrange(3) if second > 40 else 0,
            p50=p50,
            p99=p50 * rng.uniform(4, 6),
        )


def cost(rng: random.Random) -> TargetCost:
    samples = tuple(
        CostSample(
            second=float(second),
            cpu_percent=62 + rng.gauss(0, 5) + second / 6,
            rss_bytes=int((88 + second * 0.42 + rng.random() * 4) * 2**20),
        )
        for second in range(60)
    )
    return TargetCost(
        cpu_percent_mean=67.1,
        cpu_percent_max=max(sample.cpu_percent for sample in samples),
        rss_bytes_max=max(sample.rss_bytes for sample in samples),
        fds_max=33,
        threads_max=11,
        series=samples,
    )


def open_load(tool: str, rate: float, median_ms: float, *objectives: ObjectiveResult) -> Load:
    rng = random.Random(tool)
    rows = tuple(seconds(rng, rate, median_ms))
    total, failed = sum(row.completed for row in rows), sum(row.failed for row in rows)
    law = LittlesLaw(concurrency=2.93, throughput=598.2, residence_seconds=0.00487, mismatch=0.006)
    return Load(
        scenario="a day of notes",
        operation=f"tools/call {tool}",
        tool=tool,
        model="open",
        rate=rate,
        seconds=60.0,
        counts=Counts(total=total, ok=total - failed, failed=failed),
        errors={"timeout after 5 s": failed // 2, "isError": failed - failed // 2},
        series=rows,
        corrected=latency(rng, median_ms, 0.5, 900),
        uncorrected=latency(rng, median_ms, 0.45, 60),
        objectives=objectives,
        target=cost(random.Random(0)),
        generator=GeneratorHealth(lag_p99_ms=0.41, cpu_percent=37.2, calibration_rate=18450.0, little_law=law),
    )


def spoiled_load() -> Load:
    reasons = (
        "the generator's own CPU was at 99 %",
        "18,060 operations a second are 98 % of what it reaches against a null server",
    )
    return Load(
        scenario="capacity",
        operation="tools/list",
        model="closed",
        users=256,
        seconds=20.0,
        counts=Counts(total=361_200, ok=361_200, failed=0),
        corrected=latency(random.Random(1), 12.5, 0.3, 40),
        objectives=(ObjectiveResult(text="p99 < 100 ms", limit=100, measured=61.0, unit="ms", met=True, margin=0.39),),
        generator=GeneratorHealth(
            lag_p99_ms=96.0, cpu_percent=99.1, calibration_rate=18450.0, limited=True, reasons=reasons
        ),
        valid=False,
    )


def build_run() -> Run:
    header = Header(
        touchstone="0.1.0",
        command="touchstone run -- node build/index.js --root ./notes",
        revisions=tuple(REVISIONS),
        seed=20260728,
        started=datetime(2026, 9, 14, 8, 30, 12, tzinfo=UTC),
        target=Target(
            name="notes-server",
            transport="stdio, http",
            address="node build/index.js --root ./notes",
            implementation="notes-server 1.4.2",
        ),
        environment={"python": "3.12.6", "platform": "Linux 6.8 x86_64", "processors": "8", "locust": "2.43.1"},
    )
    missed = ObjectiveResult(text="p99 < 100 ms", limit=100, measured=418.3, unit="ms", met=False, margin=-3.183)
    few = ObjectiveResult(text="errors < 1 %", limit=1, measured=0.12, unit="%", met=True, margin=0.88)
    met = ObjectiveResult(text="p99 < 1 s", limit=1000, measured=301.0, unit="ms", met=True, margin=0.699)
    run = Run(
        header=header,
        verdicts=tuple(verdicts()),
        findings=tuple(msgspec.convert(row, Finding) for row in SAMPLE["finding"]),
        loads=(
            open_load("search_notes", 400.0, 4.1, missed, few),
            open_load("read_note", 200.0, 1.3, met),
            spoiled_load(),
        ),
    )
    return replace(run, footer=conclude(run, seconds=97.4))


@pytest.fixture(scope="session")
def sample_run() -> Run:
    return build_run()


@pytest.fixture(scope="session")
def clean_run(sample_run: Run) -> Run:
    """A run in which nothing is wrong."""
    passed = tuple(verdict for verdict in sample_run.verdicts if verdict.outcome in {"passed", "inapplicable"})
    run = Run(header=sample_run.header, verdicts=passed)
    return replace(run, footer=conclude(run, seconds=3.4))
