"""Many runs of one target, in the order of time: what was wrong, how much was judged, how fast it was."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from reports.compare import compare
from reports.compare_words import conclusion
from reports.markdown_text import prose, table
from reports.rows import Load
from reports.severity import Severity, count_severities
from reports.store import Run
from reports.units import milliseconds, percentiles, throughput

__all__ = ["Moment", "operations_of", "trend_markdown", "trend_of"]

SHOWN: tuple[Severity, ...] = ("violation", "warning", "note", "fault")
COLUMNS = ("run", *(f"{name}s" for name in SHOWN), "passed", "judged", "against the one before")


@dataclass(frozen=True, slots=True)
class Moment:
    """One run: `name` is its file, `judged` the share of its checks that could be judged (None without checks), `worse`
    what is worse than in the run before, empty where nothing is."""

    name: str
    run: Run
    counts: dict[Severity, int]
    judged: float | None
    worse: str = ""

    @property
    def started(self) -> str:
        """When it began."""
        return f"{self.run.header.started:%Y-%m-%d %H:%M}"

    @property
    def cells(self) -> tuple[str, ...]:
        """What `COLUMNS` say of it."""
        numbers = (f"{self.counts.get(name, 0):,}" for name in (*SHOWN, "ok"))
        judged = "-" if self.judged is None else f"{self.judged:.0%}".replace("%", " %")
        return (f"{self.started} {self.name}", *numbers, judged, f"worse: {self.worse}" if self.worse else "not worse")

    def load(self, scenario: str, operation: str) -> Load | None:
        """Return what was measured of an operation; nothing where the generator was the limit."""
        same = (each for each in self.run.loads if (each.scenario, each.operation) == (scenario, operation))
        return next((each for each in same if each.valid), None)


def trend_of(runs: Iterable[tuple[str, Run]]) -> tuple[Moment, ...]:
    """Return runs by the time at which they began, each held against the one before."""
    moments = [_moment(name, run) for name, run in sorted(runs, key=lambda each: (each[1].header.started, each[0]))]
    compared = [(after, compare(before.run, after.run)) for before, after in pairwise(moments)]
    marked = [
        Moment(
            each.name,
            each.run,
            each.counts,
            each.judged,
            conclusion(found).removeprefix("B is worse: ") if found.worse else "",
        )
        for each, found in compared
    ]
    return (*moments[:1], *marked)


def _moment(name: str, run: Run) -> Moment:
    outcomes = Counter(judgement.outcome for judgement in run.judgements)
    asked = sum(outcomes.values()) - outcomes["inapplicable"]
    judged = (outcomes["passed"] + outcomes["failed"]) / asked if asked else None
    return Moment(name, run, count_severities(run.judgements), judged)


def operations_of(moments: Iterable[Moment]) -> Iterator[tuple[str, str]]:
    """Yield the operations that were measured, by scenario and name; how conversations were opened has no seconds."""
    rows = (load for moment in moments for load in moment.run.loads if load.series)
    yield from dict.fromkeys((load.scenario, load.operation) for load in rows)


def trend_markdown(moments: Iterable[Moment]) -> str:
    """Return the runs as tables of Markdown: verdicts, then each operation that was measured."""
    moments = tuple(moments)
    worse = sum(bool(moment.worse) for moment in moments)
    parts = [f"## {len(moments)} runs, {worse} worse than the one before\n", table(COLUMNS, [m.cells for m in moments])]
    for scenario, operation in operations_of(moments):
        parts += [f"\n### {prose(scenario)}, {prose(operation)}\n", table(*_figures(moments, scenario, operation))]
    return "\n".join(parts) + "\n"


def _figures(moments: Iterable[Moment], scenario: str, operation: str) -> tuple[tuple[str, ...], list[list[str]]]:
    rows = []
    for moment in moments:
        if (load := moment.load(scenario, operation)) is not None:
            told = percentiles(load)
            latencies = [milliseconds(told["p50"]), milliseconds(told["p99"])]
            rows.append([f"{moment.started} {moment.name}", *latencies, f"{throughput(load):,.0f}"])
    return ("run", "p50", "p99", "a second"), rows
