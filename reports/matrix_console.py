"""A survey in a terminal: one line an implementation."""

from collections.abc import Iterator

from rich import box
from rich.table import Table
from rich.text import Text

from reports.matrix import Matrix
from reports.severity import Severity
from reports.text import shorten, visible
from reports.units import duration

__all__ = ["survey_table", "troubles"]

_COLUMNS: dict[Severity, tuple[str, str]] = {
    "violation": ("violated", "red"),
    "warning": ("warnings", "yellow"),
    "note": ("notes", "cyan"),
    "known": ("known", "blue"),
    "ok": ("passed", "green"),
    "open": ("blocked", "yellow"),
}
_TROUBLE = 300


def survey_table(matrix: Matrix) -> Table:
    """Return how many checks came to what, by implementation; where none was judged, why."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("implementation", overflow="fold", min_width=16)
    for name, _ in _COLUMNS.values():
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    for row in matrix.implementations:
        counts = [(row.count(name), style) for name, (_, style) in _COLUMNS.items()]
        numbers = [Text(f"{count:,}", style) if count else Text("-", "dim") for count, style in counts]
        table.add_row(Text(visible(row.name)), *numbers, Text(duration(row.seconds)))
    return table


def troubles(matrix: Matrix) -> Iterator[Text]:
    """Yield why there is no verdict, or not a whole one, line by line."""
    for row in matrix.implementations:
        if row.trouble:
            yield Text(visible(f"{row.name}: {shorten(row.trouble, _TROUBLE)}"), "yellow")
