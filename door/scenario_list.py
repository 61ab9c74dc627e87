"""`load --list`: what load can do to a target."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from door.errors import Exit
from door.terminal import Terminal
from loadtest.scenarios import SCENARIOS

__all__ = ["list_scenarios"]


def list_scenarios() -> int:
    """Print the scenarios: name, what is done, what the target must have."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("scenario", "what it does", "what it needs"):
        table.add_column(column, overflow="fold")
    for scenario in SCENARIOS:
        table.add_row(scenario.name, scenario.summary, escape(scenario.needs))
    console = Terminal()
    console.print(table)
    console.print("\ntouchstone load --scenario NAME TARGET plays one; docs/load.md tells more.", highlight=False)
    return Exit.PASSED
