"""The fine grain of a survey: each check as a row, each implementation as a column."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from reports.matrix import FAILING, WORST, Checked, Implementation
from reports.rows import Level
from reports.severity import Severity
from reports.text import visible

__all__ = ["MARKS", "CheckRow", "check_rows", "drawn"]

MARKS: dict[Severity, str] = {
    "violation": "✗",
    "fault": "‡",
    "warning": "!",
    "note": "i",
    "known": "k",
    "ok": "✓",
    "open": "?",
    "n/a": "·",
}
"""What a cell shows: never its colour alone."""
_SAYS_NOTHING: frozenset[Severity] = frozenset({"open"})


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check: its worst on each implementation (None where it was not tried), and where each severity was seen."""

    check: str
    title: str
    level: Level
    area: str
    cells: tuple[Severity | None, ...]
    seen: dict[Severity, tuple[str, ...]]

    @property
    def telling(self) -> bool:
        """Whether it fails somewhere, or tells implementations apart; one that could not be judged tells nothing."""
        told = {cell for cell in self.cells if cell is not None} - _SAYS_NOTHING
        return bool(told & FAILING) or len(told) > 1

    @property
    def seen_as_json(self) -> str:
        """Severities with their revisions."""
        return json.dumps(self.seen, separators=(",", ":"))


def check_rows(rows: Sequence[Implementation]) -> tuple[CheckRow, ...]:
    """Return every check that was tried on any of these: those that fail first, then by area and name."""
    found: dict[str, list[tuple[int, Checked]]] = {}
    for number, row in enumerate(rows):
        for checked in row.checks:
            found.setdefault(checked.check, []).append((number, checked))
    titles = {failing.check: failing.title for row in rows for failing in row.failing}
    lines = (_row(check, on, len(rows), titles.get(check, "")) for check, on in found.items())
    return tuple(sorted(lines, key=lambda line: (not set(line.cells) & FAILING, line.area, line.check)))


def _row(check: str, on: Sequence[tuple[int, Checked]], width: int, title: str) -> CheckRow:
    cells: list[Severity | None] = [None] * width
    seen: dict[Severity, set[str]] = {}
    for number, checked in on:
        cells[number] = checked.worst
        for name, revisions in checked.seen.items():
            seen.setdefault(name, set()).update(revisions)
    ordered = {name: tuple(sorted(seen[name])) for name in WORST if name in seen}
    first = on[0][1]
    return CheckRow(check, title, first.level, first.area, tuple(cells), ordered)


def drawn(row: CheckRow, rows: Sequence[Implementation]) -> Markup:
    """Return the cells of a row; made here, since a template takes long for tens of thousands of them."""
    return Markup("").join(_cells(row, rows))


def _cells(row: CheckRow, rows: Sequence[Implementation]) -> Iterator[Markup]:
    link = Markup('<td class="{}"><a href="{}" title="{}"><span aria-hidden="true">{}</span>{}</a></td>')
    plain = Markup('<td class="{}">{}</td>')
    hidden = Markup('<span class="hush">{}</span>')
    for cell, of in zip(row.cells, rows, strict=True):
        if cell is None:
            yield Markup("<td></td>")
        elif cell in FAILING:
            said = visible(f"{of.name}: {cell}")
            address = f"{of.report}#{quote(row.check)}" if of.report else "#each"
            yield link.format(cell, address, said, MARKS[cell], hidden.format(said))
        else:
            yield plain.format(cell.replace("/", ""), MARKS[cell])
