"""`report FOLDER`: the records in a folder as a trend."""

from __future__ import annotations

from pathlib import Path

from door.errors import Exit, Refusal
from door.options import ReportOptions
from door.report_files import write_text
from door.terminal import complain, write
from reports.records import RecordsError, Run, read
from reports.trend import Moment, trend_markdown, trend_of

__all__ = ["render_trend_of"]


def render_trend_of(folder: Path, options: ReportOptions) -> int:
    """Render all records of a folder as one trend, to the terminal (Markdown) or to files. Raises `Refusal`."""
    form = options.form or "markdown"
    unfit = [name for name in (form, *options.reports) if name not in ("html", "markdown")]
    if unfit:
        raise Refusal(f"a trend is made as html or markdown, not as {unfit[0]}")
    moments = trend_of(_runs(folder))
    for name, path in options.reports.items():
        write_text(_rendered(name, moments), path)
    if options.output is not None:
        write_text(_rendered(form, moments), options.output)
    elif options.form is not None or not options.reports:
        write(_rendered(form, moments))
    return Exit.PASSED


def _rendered(form: str, moments: tuple[Moment, ...]) -> str:
    if form == "markdown":
        return trend_markdown(moments)
    from reports.trend_html import render_trend

    return render_trend(moments)


def _runs(folder: Path) -> list[tuple[str, Run]]:
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        try:
            found.append((path.name, read(path)))
        except (OSError, RecordsError) as error:
            complain(f"left out: {error}")
    if not found:
        raise Refusal(f"{folder} holds no records: files that end in .jsonl")
    return found
