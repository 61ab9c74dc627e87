"""A survey as one HTML file that works offline: the matrix, what fails where, and everyone's own result."""

from collections.abc import Iterable
from typing import get_args

from markupsafe import Markup

from reports.digest import count_of
from reports.html import asset, environment, policy
from reports.matrix import Cell, Implementation, Matrix, groups_of, spread
from reports.matrix_checks import MARKS, check_rows, drawn
from reports.rows import Level
from reports.severity import Severity
from reports.units import duration

__all__ = ["render_matrix"]

WORDS: dict[Severity, tuple[str, str]] = {
    "violation": ("violation", "violations"),
    "warning": ("warning", "warnings"),
    "note": ("note", "notes"),
    "fault": ("fault of Touchstone", "faults of Touchstone"),
    "known": ("known failure", "known failures"),
    "ok": ("passed", "passed"),
    "open": ("blocked", "blocked"),
    "n/a": ("n/a", "n/a"),
}
_ROLES = {"server": "Servers", "client": "Clients"}
_VERDICTS = {"failed": "failed", "passed": "passed", "inconclusive": "no verdict", "fault": "fault of Touchstone"}


def render_matrix(matrix: Matrix) -> str:
    """Return the report of a survey as one HTML document."""
    style = asset("report.css") + asset("matrix.css")
    script = asset("matrix.js") + asset("scheme.js")
    page = environment().get_template("matrix.html.j2")
    tables = [(role, title, matrix.of(role)) for role, title in _ROLES.items()]  # type: ignore[arg-type] # its keys are
    return page.render(
        matrix=matrix,
        header=matrix.header,
        headline=headline(matrix.implementations),
        standing=standing(matrix),
        tables=[(role, title, rows, groups_of(rows), check_rows(rows)) for role, title, rows in tables if rows],
        choices=_choices(matrix),
        marks=MARKS,
        drawn=drawn,
        spreads=spread(matrix.implementations),
        verdicts=_VERDICTS,
        words=WORDS,
        shown=_shown,
        said=_said,
        told=_told,
        duration=duration,
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704 - our own files
        policy=policy(style=style, script=script),
    )


def headline(rows: Iterable[Implementation]) -> str:
    """Return a survey in one line."""
    rows = tuple(rows)
    violated = sum(bool(row.count("violation")) for row in rows)
    judged = sum(bool(row.cells) for row in rows)
    parts = [f"{count_of(judged, 'implementation', 'implementations')} judged"]
    parts.append(f"{violated} with violations" if violated else "none with violations")
    if judged < len(rows):
        parts.append(f"{len(rows) - judged} without a verdict")
    return ", ".join(parts)


def standing(matrix: Matrix) -> str:
    """Return the verdict on a survey in one word: the one that its worst row has."""
    found = {row.standing for row in matrix.implementations}
    return next((name for name in ("failed", "fault", "inconclusive") if name in found), "passed")


def _choices(matrix: Matrix) -> tuple[tuple[str, str, list[str]], ...]:
    """Return what rows can be filtered by: (name, words for all, values)."""
    checks = [checked for row in matrix.implementations for checked in row.checks]
    revisions = {revision for checked in checks for there in checked.seen.values() for revision in there}
    levels = {checked.level for checked in checks}
    return (
        ("target", "every implementation", [row.name for row in matrix.implementations if row.checks]),
        ("level", "every level", [level for level in get_args(Level) if level in levels]),
        ("area", "every area", sorted({checked.area for checked in checks})),
        ("revision", "every revision", sorted(revisions)),
    )


def _shown(cell: Cell) -> tuple[str, str]:
    """Return what a cell says: how many there are of its worst, and how many passed beside them."""
    worst, passed = cell.worst, cell.counts.get("ok", 0)
    if worst in ("open", "n/a"):
        return ("?" if worst == "open" else "·"), ""
    if worst == "ok":
        return str(passed), ""
    return str(cell.counts[worst]), f"of {sum(cell.counts.values()) - cell.counts.get('n/a', 0)}"


def _said(cell: Cell) -> str:
    """Return a cell in words."""
    parts = [count_of(count, *WORDS[name]) for name, count in cell.counts.items()]
    return f"{cell.group}: {', '.join(parts)}"


def _told(row: Implementation) -> str:
    """Return what came of an implementation in a line."""
    return " ".join(filter(None, [row.headline and f"{row.headline}.", row.trouble and f"{row.trouble}."]))
