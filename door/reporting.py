"""`report`: recorded results, rendered again."""

from __future__ import annotations

from pathlib import Path

from door.errors import Exit, Refusal
from door.terminal import Terminal, write
from reports import RENDERERS
from reports.console import render_console
from reports.records import RecordsError, Run, read

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


def render(records: Path, form: str, output: Path | None) -> int:
    """Render records to the terminal or a file."""
    run = read_records(records)
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
