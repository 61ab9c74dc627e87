"""The one data model of a run, and its renderings. Imports none of the other packages.

`RENDERERS` maps the name of a format to a function from a `Run` to text.
"""

from collections.abc import Callable

from reports.console import render_console, to_text
from reports.html import render_html
from reports.junit import render_junit
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
    severity,
)

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
    "schema",
    "severity",
]

RENDERERS: dict[str, Callable[[Run], str]] = {"console": to_text, "html": render_html, "junit": render_junit}
