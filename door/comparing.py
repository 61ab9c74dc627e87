"""`compare`: two records files, and what got worse, better, or cannot be told."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from door.errors import Exit, Refusal
from door.options import PRINTED, ComparingOptions
from door.report_files import write_text
from door.reporting import read_records
from door.terminal import Terminal, write
from reports.compare import compare, compare_sides
from reports.compare_console import render_comparison
from reports.compare_markdown import comparison_markdown
from reports.compare_words import conclusion
from reports.comparison import Comparison

__all__ = ["compare_records", "show"]


def compare_records(before: Path, after: Path | None, options: ComparingOptions) -> int:
    """Compare two records files, or both sides that one holds; return 4 where B is worse, 3 where nothing compares."""
    if not (options.margin >= 0 and math.isfinite(options.margin)):
        raise Refusal("--margin is a number of percent, and not below 0")
    margin = options.margin / 100
    if after is None:
        rows = read_records(before).loads
        if not any(load.side for load in rows):
            raise Refusal(f"{before} holds no two sides (touchstone load --versus records them): give a second file")
        found = compare_sides(rows, options.seed, margin)
    else:
        runs = read_records(before), read_records(after)
        found = compare(*runs, fail_on=options.fail_on.value, seed=options.seed, margin=margin)
    show(found, markdown=options.markdown, as_json=options.as_json)
    return code_of(found)


def code_of(found: Comparison) -> Exit:
    """Return the exit code of a comparison."""
    if found.worse:
        return Exit.WORSE
    return Exit.PASSED if found.conclusive else Exit.UNREACHABLE


def show(found: Comparison, *, markdown: Path | None = None, as_json: bool = False) -> None:
    """Print a comparison, or write it as Markdown, or both. Raises `Refusal` for a file that cannot be written."""
    if markdown is not None:
        write_text(comparison_markdown(found), markdown)
    if as_json:
        verdict = {"worse": found.worse, "conclusive": found.conclusive, "conclusion": conclusion(found)}
        write(msgspec.json.format(msgspec.json.encode(verdict | msgspec.to_builtins(found))).decode() + "\n")
    elif markdown != PRINTED:
        render_comparison(found, Terminal())
