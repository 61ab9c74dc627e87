"""What a terminal shows of many: a line each, cut at its width, and beyond a screen's share only how many more."""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from reports.digest import Blockage, Digest, Group, count_of
from reports.rows import Finding
from reports.severity import Severity
from reports.text import visible

__all__ = ["IN_FULL", "STYLES", "print_blocked", "print_failures", "print_hint"]

STYLES: dict[Severity, str] = {
    "violation": "bold red",
    "warning": "yellow",
    "note": "cyan",
    "fault": "bold magenta",
    "known": "blue",
}
IN_FULL = 3
"""Failures that are shown with their evidence, where not everything is asked for."""
_LINES, _CAUSES = 7, 3
_LINES_BESIDE_LOAD, _CAUSES_BESIDE_LOAD = 5, 1
_ID_WIDTH = 32


def print_failures(summary: Digest, console: Console, *, load: bool) -> None:
    """Print what does not hold, a line each, the worst first: what a screen shows when the evidence has left it.

    `load`: tables of a load test want their place on the screen too.
    """
    failures = (*summary.failures, *summary.faults)
    if len(failures) < 2:
        return
    console.print()
    _print_line(console, Text("what does not hold", "bold"))
    shown = failures[: _LINES_BESIDE_LOAD if load else _LINES]
    width = min(_ID_WIDTH, max(len(visible(failure.first.check)) for failure in shown))
    for failure in shown:
        _print_line(console, _of_failure(failure, width))
    _print_more(console, len(failures) - len(shown))


def print_blocked(summary: Digest, console: Console, *, load: bool) -> None:
    """Print the causes that hold up most, a line each. `load` as above."""
    causes = _CAUSES_BESIDE_LOAD if load else _CAUSES
    checks = {check for blockage in summary.blocked for check in blockage.checks}
    said = f"not judged, and what would change that: {count_of(len(checks), 'check', 'checks')}"
    _print_line(console, Text(said, "bold"))
    for blockage in _telling(summary.blocked)[:causes]:
        cause = " ".join(visible(blockage.cause).split())
        _print_line(console, Text.assemble((f"{len(blockage.checks):5,}  ", "dim"), cause))
    _print_more(console, len(summary.blocked) - causes, " causes" if len(summary.blocked) > causes + 1 else " cause")


def print_hint(summary: Digest, console: Console) -> None:
    """Say how to see what was folded, if anything was."""
    folded = len(summary.failures) + len(summary.faults) > IN_FULL or summary.known or summary.blocked
    if folded:
        told = "more: --verbose; without another run: touchstone report RECORDS --verbose"
        _print_line(console, Text(told, "dim"))


def _of_failure(failure: Group, width: int) -> Text:
    judged = failure.first
    said = judged.summary if isinstance(judged, Finding) and judged.summary else judged.title
    style = STYLES[failure.severity]
    return Text.assemble(
        (f"  {failure.severity:<9}  ", style),
        f"{visible(judged.check):<{width}}  ",
        (" ".join(visible(said or judged.summary).split()), "dim"),
    )


def _telling(blocked: Sequence[Blockage]) -> list[Blockage]:
    """Return the causes with those last that no setting can change: nothing of the kind was said."""
    return sorted(blocked, key=lambda blockage: blockage.cause.startswith("nothing of the kind"))


def _print_more(console: Console, count: int, what: str = "") -> None:
    if count > 0:
        _print_line(console, Text(f"  and {count:,} more{what}", "dim"))


def _print_line(console: Console, text: Text) -> None:
    console.print(text, no_wrap=True, overflow="ellipsis" if console.encoding.lower().startswith("utf") else "crop")
