"""The page: what was measured goes between its markers, what people wrote around them stays."""

from __future__ import annotations

from pathlib import Path

from loadtest.benchmarks.comparison.cases import MODES, Mode
from loadtest.benchmarks.comparison.drawing import curves
from loadtest.benchmarks.comparison.results import Results
from loadtest.benchmarks.comparison.tables import (
    conditions,
    curve_table,
    lacking_notes,
    sessions_table,
    starts_table,
    throughput_table,
)

__all__ = ["BEGIN", "END", "between_markers", "publish", "rendered"]

BEGIN = "<!-- measured: begin -->"
END = "<!-- measured: end -->"
_EMPTY = f"# Benchmarks\n\n{BEGIN}\n{END}\n"


def publish(results: Results, output: Path) -> None:
    """Write the charts into `output` and the tables into the page beside it, which is made where there is none."""
    output.mkdir(parents=True, exist_ok=True)
    for mode in MODES:
        file, drawn = output / f"{mode.name}.svg", curves(results, mode)
        if drawn:
            file.write_text(drawn, "utf-8")
        else:
            file.unlink(missing_ok=True)
    page = output.with_name(f"{output.name}.md")
    before = page.read_text("utf-8") if page.exists() else _EMPTY
    page.write_text(between_markers(before, rendered(results, output.name)), "utf-8")


def between_markers(page: str, text: str) -> str:
    """Return `page` with `text` between its markers. Raises `ValueError` where it does not have them once each."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"the page must have {BEGIN} and, after it, {END}")
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{rest.partition(END)[2]}"


def rendered(results: Results, folder: str) -> str:
    """Return all that was measured as Markdown; charts are looked for in `folder`."""
    measured = [mode for mode in MODES if any(getattr(row, "mode", None) == mode.name for row in results.rows)]
    sessions = [mode for mode in measured if mode.sessions]
    parts = ["## Conditions", conditions(results.about)]
    for mode in measured:
        parts += _mode(results, mode, folder)
    parts += ["## First call of a cold process", starts_table(results, measured)]
    if sessions:
        parts += ["## Sessions", sessions_table(results, sessions)]
    if notes := lacking_notes(results):
        parts += ["## What is lacking", notes]
    return "\n\n".join(parts)


def _mode(results: Results, mode: Mode, folder: str) -> list[str]:
    drawn = curves(results, mode)
    return [
        f"## {mode.title}",
        throughput_table(results, mode),
        *([f"![p99 by throughput: {mode.title}]({folder}/{mode.name}.svg)"] if drawn else []),
        "At a constant rate:",
        curve_table(results, mode),
    ]
