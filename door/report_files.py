"""Where a rendered report goes: a file, standard output, or the summary of a job that others append to as well."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from door.errors import Refusal
from door.options import PRINTED
from door.terminal import write
from reports import RENDERERS
from reports.formats import FORMATS
from reports.records import Run

__all__ = ["no_commands", "try_to_write", "write_report", "write_text"]

_SUMMARY = "GITHUB_STEP_SUMMARY"
"""The variable that names the file of Markdown that GitHub shows with a job."""
_SUMMARY_LIMIT = 1 << 20
"""Bytes of it, for a step, above which GitHub shows nothing."""


def try_to_write(path: Path) -> None:
    """Raise `Refusal` if a report could not be written there; what is there stays as it is until it is replaced."""
    if path == PRINTED:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a"):
            pass
    except OSError as error:
        raise _unwritable(path, error) from None


def write_report(name: str, run: Run, path: Path) -> None:
    """Render `run` in one of the formats, to a file or to standard output. Raises `Refusal`."""
    write_text(RENDERERS[name](run), path)


def write_text(text: str, path: Path) -> None:
    """Write what was rendered to a file, or to standard output. Raises `Refusal`."""
    if path == PRINTED:
        write(text)
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if _is_summary(path):
            _append(path, text)
        else:
            path.write_text(text, "utf-8")
    except OSError as error:
        raise _unwritable(path, error) from None


@contextmanager
def no_commands(wanted: Iterable[str]) -> Iterator[None]:
    """For the time of the block, keep GitHub's runner from obeying what a target says in the output, where one of the
    reports is for that runner. It obeys lines, and words of a target may come to stand at the beginning of one."""
    if not any(FORMATS[name].printed for name in wanted):
        yield
        return
    token = secrets.token_hex(16)
    write(f"::stop-commands::{token}\n")
    try:
        yield
    finally:
        write(f"::{token}::\n")


def _is_summary(path: Path) -> bool:
    summary = os.environ.get(_SUMMARY)
    return bool(summary) and path.resolve() == Path(str(summary)).resolve()


def _append(path: Path, text: str) -> None:
    """Append to the summary of a job, which other commands of the same step write as well."""
    there = path.stat().st_size if path.exists() else 0
    if there + len(text.encode()) + 1 > _SUMMARY_LIMIT:
        raise Refusal(f"{path}: the summary of this step is full, and GitHub shows none that is longer")
    with path.open("a", encoding="utf-8") as file:
        file.write(f"\n{text}" if there else text)


def _unwritable(path: Path, error: OSError) -> Refusal:
    return Refusal(f"{path}: {(error.strerror or 'cannot be written').lower()}")
