"""The one data model of a run, and its renderings. Imports none of the other packages.

`RENDERERS` maps the name of a format to a function from a `Run` to text: `console`, and those of the table
`reports.formats.FORMATS`. Renderings are imported when they are first used.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from reports.formats import FORMATS
from reports.records import (
    Finding,
    Footer,
    Header,
    Load,
    RecordsError,
    Run,
    Verdict,
    Writer,
    conclude,
    exit_code,
    read,
    redact,
    schema,
)

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "RENDERERS",
    "Finding",
    "Footer",
    "Header",
    "Load",
    "RecordsError",
    "Run",
    "Verdict",
    "Writer",
    "conclude",
    "exit_code",
    "read",
    "redact",
    "render_console",
    "render_html",
    "render_junit",
    "render_text",
    "schema",
]


def render_console(run: Run, console: "Console", verbose: bool = False) -> None:
    """Print `run` on a rich console; `verbose` leaves nothing out."""
    from reports.console import render_console as render

    render(run, console, verbose)


def render_text(run: Run) -> str:
    """Return what the terminal shows, without colours, 100 columns wide."""
    from reports.console import to_text

    return to_text(run)


def render_html(run: Run) -> str:
    """Return one HTML document that needs nothing from elsewhere."""
    from reports.html import render_html as render

    return render(run)


def render_junit(run: Run) -> str:
    """Return a JUnit XML document; `run.fail_on` draws the line between a failure and a test that is skipped."""
    return FORMATS["junit"].render(run)


RENDERERS: dict[str, Callable[[Run], str]] = {
    "console": render_text,
    **{name: row.render for name, row in FORMATS.items()},
}
