"""`report`: recorded results, rendered again."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import get_args

import msgspec

from door.baselines import read_baseline
from door.errors import Exit, Refusal
from door.options import PRINTED, ReportOptions
from door.report_files import write_report
from door.terminal import Terminal, write
from door.trending import render_trend_of
from reports import RENDERERS
from reports.console import render_console
from reports.records import FailOn, RecordsError, Run, exit_code, read

__all__ = ["read_records", "render"]


def read_records(path: Path) -> Run:
    """Read a records file. Raises `Refusal` if it cannot be."""
    try:
        return read(path)
    except OSError as error:
        raise Refusal(
            f"{path}: {(error.strerror or 'cannot be read').lower()}; `touchstone check` writes one"
        ) from None
    except RecordsError as error:
        raise Refusal(str(error)) from None


def _held_against(run: Run, options: ReportOptions) -> Run:
    """Return the run as it would have ended with another baseline or line, on the day it began."""
    words = [word.partition("=")[0] for word in run.header.command.split()]
    if options.fail_on is not None:
        run = replace(run, fail_on=options.fail_on.value)
    if options.baseline is not None:
        known = read_baseline(options.baseline, run.header.started.date())
        run = replace(run, baseline=replace(known, only="--only" in words, revisions="--revision" in words))
    if run.footer is None or (options.fail_on is None and options.baseline is None):
        return run
    return replace(run, footer=msgspec.structs.replace(run.footer, exit=exit_code(run, run.fail_on)))


def _as_typed(run: Run) -> Run:
    """Return the run with the line between 0 and 1 that its command drew."""
    words = run.header.command.partition(" -- ")[0].replace("=", " ").split()
    following = dict(pairwise(words)).get("--fail-on", "must")
    levels: tuple[FailOn, ...] = get_args(FailOn)
    return replace(run, fail_on=next((level for level in levels if level == following), "must"))


def render(records: Path, options: ReportOptions) -> int:
    """Render records to the terminal or to files, held against a baseline if there is one."""
    if records.is_dir():
        return render_trend_of(records, options)
    if options.form is not None and options.form not in RENDERERS:
        close = get_close_matches(options.form, RENDERERS, 1)
        raise Refusal(f"no format {options.form!r}; {f'did you mean {close[0]!r}? ' if close else ''}{_known()}")
    run = _held_against(_as_typed(read_records(records)), options)
    for name, path in options.reports.items():
        write_report(name, run, path)
    if options.form is not None or options.output is not None or not options.reports:
        _show(run, options.form or "console", options.output, verbose=options.verbose)
    return Exit.PASSED


def _known() -> str:
    return f"there are {', '.join(RENDERERS)}"


def _show(run: Run, form: str, output: Path | None, *, verbose: bool) -> None:
    if output is not None and output != PRINTED:
        write_report(form, run, output)
    elif form == "console" and output is None:
        render_console(run, Terminal(), verbose=verbose)
    else:
        write(RENDERERS[form](run))
