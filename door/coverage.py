"""`coverage`: how much of what the specification demands is verified, and how much of that a run came to exercise."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from conformance.catalogue import Requirement, load
from conformance.check import Check, Monitor, all_checks, all_monitors
from conformance.clients.declare import all_judges
from conformance.properties.every import PROPERTIES
from conformance.properties.property import Property
from conformance.security.probe import Probe
from conformance.security.probes import PROBES
from door.errors import Exit
from door.reporting import read_records
from door.terminal import Terminal, write
from reference_impl.protocol.revisions import REVISIONS, Revision
from reports.records import Run

__all__ = ["Row", "count", "print_coverage"]

_SIDES = ("server", "client")
_LEVELS = {"MUST": ("MUST", "MUST NOT"), "SHOULD": ("SHOULD", "SHOULD NOT"), "advice": ("advice",)}
_SHOWN = 5
"""Reasons why something could not be exercised that the terminal shows."""


@dataclass(frozen=True, slots=True)
class Row:
    """Requirements of one revision that bind one side at one level: how many bind it, can be tested, have a check, and
    came to a verdict in the run (None: no run was given)."""

    revision: str
    role: str
    level: str
    bound: int
    testable: int
    covered: int
    exercised: int | None = None


def count(run: Run | None = None) -> list[Row]:
    """Return the rows, newest revision first. With `run`, only revisions that were tested in it."""
    suite: tuple[Check | Monitor | Property | Probe, ...] = (*all_checks(), *all_monitors(), *PROPERTIES, *PROBES)
    verified = {
        "server": {name for item in suite for name in item.requirements},
        "client": {name for judge in all_judges() for name in judge.monitor.requirements},
    }
    sides = _SIDES if run is None else (_side(run),)
    exercised = None if run is None else _exercised(run)
    rows: list[Row] = []
    for revision in reversed(REVISIONS):
        if run is None or revision.name in run.header.revisions:
            binding = [row for row in load() if revision in row.window]
            for side in sides:
                rows += _of_side(
                    revision, side, [row for row in binding if side in row.sides], verified[side], exercised
                )
    return rows


def _side(run: Run) -> str:
    """Return which side a run judged."""
    judges = {judge.monitor.id for judge in all_judges()}
    return "client" if any(item.check in judges for item in run.verdicts) else "server"


def _of_side(
    revision: Revision,
    side: str,
    binding: list[Requirement],
    verified: set[str],
    exercised: set[tuple[str, str]] | None,
) -> Iterable[Row]:
    for level, names in _LEVELS.items():
        bound = [row for row in binding if row.level in names]
        testable = [row for row in bound if side not in row.untestable]
        covered = [row for row in testable if row.id in verified]
        seen = None if exercised is None else sum((revision.name, row.id) in exercised for row in covered)
        yield Row(revision.name, side, level, len(bound), len(testable), len(covered), seen)


def _exercised(run: Run) -> set[tuple[str, str]]:
    """Return revision and requirement of every verdict that is one."""
    conclusive = ("passed", "failed")
    return {
        (item.revision, row.id) for item in run.judgements if item.outcome in conclusive for row in item.requirements
    }


def print_coverage(records: Path | None, as_json: bool) -> int:
    """Print the table, and for a run what kept the rest from being exercised. Raises `Refusal` for bad records."""
    run = None if records is None else read_records(records)
    rows = count(run)
    if as_json:
        listed = [{name: value for name, value in asdict(row).items() if value is not None} for row in rows]
        write(json.dumps(listed, indent=2) + "\n")
        return Exit.PASSED
    console = Terminal(highlight=False)
    console.print(_table(rows, of_run=run is not None))
    if run is not None:
        _print_reasons(console, run)
    return Exit.PASSED


def _table(rows: list[Row], *, of_run: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("revision", "role", "level"):
        table.add_column(name)
    for name in ("rows", "testable", "checked", "", *(["exercised", ""] if of_run else [])):
        table.add_column(name, justify="right")
    for row in rows:
        seen = () if row.exercised is None else (str(row.exercised), _share(row.exercised, row.covered))
        share = _share(row.covered, row.testable)
        counts = (str(row.bound), str(row.testable), str(row.covered), share, *seen)
        table.add_row(row.revision, row.role, row.level, *counts)
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


def _print_reasons(console: Terminal, run: Run) -> None:
    reasons = Counter(item.summary for item in run.verdicts if item.outcome == "blocked")
    if not reasons:
        return
    console.print(f"\n{reasons.total()} checks could not be exercised:")
    for reason, times in reasons.most_common(_SHOWN):
        console.print(f"  {times:3}  {reason}", markup=False)
