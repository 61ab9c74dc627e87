"""`report`: recorded results, rendered again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec

from door.baselines import read_baseline
from door.errors import Exit, Refusal
from door.terminal import Terminal, write
from reports import RENDERERS
from reports.console import render_console
from reports.records import RecordsError, Run, exit_code, read

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


def _held_against(run: Run, baseline: Path) -> Run:
    """Return the run as it would have ended with a baseline, on the day it began."""
    words = [word.partition("=")[0] for word in run.header.command.split()]
    known = read_baseline(baseline, run.header.started.date())
    held = replace(run, baseline=replace(known, only="--only" in words, revisions="--revision" in words))
    if run.footer is None:
        return held
    return replace(held, footer=msgspec.structs.replace(run.footer, exit=exit_code(held)))


def render(records: Path, form: str, output: Path | None, baseline: Path | None = None) -> int:
    """Render records to the terminal or a file, held against a baseline if there is one."""
    run = read_records(records)
    if baseline is not None:
        run = _held_against(run, baseline)
    if form == "console" and output is None:
        render_console(run, Terminal())
        return Exit.PASSED
    text = RENDERERS[form](run)
    if output is None:
        write(text)
        return Exit.PASSED
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, "utf-8")
    except OSError as error:
        raise Refusal(f"{output}: {(error.strerror or 'cannot be written').lower()}") from None
    return Exit.PASSED
