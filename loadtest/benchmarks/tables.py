"""What was measured, as tables for people and as JSON."""

from __future__ import annotations

import platform
from typing import Any

from rich.console import Console
from rich.table import Table

from loadtest.benchmarks.machine import MEASURED
from loadtest.benchmarks.rounds import BUSY, Measured

__all__ = ["as_json", "show"]


def show(console: Console, measured: Measured) -> None:
    """Print a benchmark: medians with ranges, processor time a call, ratios against the goals."""
    benchmark = measured.benchmark
    table = Table("case", f"{benchmark.unit} (median)", "range", "CPU us a call", title=benchmark.title)
    for case in benchmark.cases:
        values, cost = measured.values(case.name), measured.cost(case.name)
        spread = f"{_figure(min(values))}..{_figure(max(values))}"
        table.add_row(case.name, _figure(measured.median(case.name)), spread, "" if cost is None else f"{cost:.1f}")
    console.print(table)
    for ratio in measured.ratios:
        goal = ratio.goal
        verdict = "reached" if ratio.met else "MISSED"
        cpu = "" if ratio.by_cost is None else f" (by processor time {ratio.by_cost:.2f})"
        console.print(f"{goal.ours} / {goal.peer}: {ratio.ratio:.2f} times{cpu}; goal {goal.factor:g}: {verdict}")
    for limit in benchmark.limits:
        verdict = "kept" if measured.median(limit.name) <= limit.most else "MISSED"
        console.print(f"{limit.name}: at most {limit.most:g} {benchmark.unit}: {verdict}")
    for line in _reservations(measured):
        console.print(line, style="bold")


def _reservations(measured: Measured) -> list[str]:
    lines = []
    if MEASURED is None:
        lines.append("Nothing was pinned to a core here: the figures depend on where the system put the processes.")
    if measured.busy:
        lines.append(
            f"The machine was busy: others took up to {measured.others or 0:.0%} of a core (allowed: {BUSY:.0%}). "
            "These figures are no results; ratios by processor time are the least wrong of them."
        )
    return lines


def as_json(measured: Measured) -> dict[str, Any]:
    """Return the same as plain values."""
    benchmark = measured.benchmark
    return {
        "title": benchmark.title,
        "unit": benchmark.unit,
        "machine": {
            "processor": platform.machine(),
            "python": platform.python_version(),
            "pinned": MEASURED is not None,
        },
        "busy": measured.busy,
        "others": measured.others,
        "cases": {
            case.name: {
                "median": measured.median(case.name),
                "values": measured.values(case.name),
                "cpu_us_a_call": measured.cost(case.name),
            }
            for case in benchmark.cases
        },
        "ratios": [
            {
                "ours": ratio.goal.ours,
                "peer": ratio.goal.peer,
                "goal": ratio.goal.factor,
                "ratio": ratio.ratio,
                "ratio_by_cpu": ratio.by_cost,
                "met": ratio.met,
            }
            for ratio in measured.ratios
        ],
    }


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
