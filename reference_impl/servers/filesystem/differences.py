"""Unified diffs of long texts with few changes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from itertools import islice

from reference_impl.servers.filesystem.text import pieces

__all__ = ["unified"]

_CONTEXT = 3
_MOST_COMPARED = 8000
"""Lines from the first change to the last, old and new; the time to compare them may grow with their cube."""
_MOST_SHOWN = 2000
_HUNK = re.compile(r"@@ -(\d+)(,\d+)? \+(\d+)(,\d+)? @@")


def unified(old: str, new: str, name: str) -> str:
    """Return the difference between two texts, as `diff -u` writes it; empty if there is none."""
    if old == new:
        return ""
    before, after = list(pieces(old)), list(pieces(new))
    head = _shared(before, after)
    tail = _shared(before[:head:-1], after[:head:-1])
    start, end = max(0, head - _CONTEXT), max(0, tail - _CONTEXT)
    before, after = before[start : len(before) - end], after[start : len(after) - end]
    if len(before) + len(after) > _MOST_COMPARED:
        return f"(the changes in {name} are too far apart to be shown)\n"
    lines = difflib.unified_diff(before, after, f"a/{name}", f"b/{name}", n=_CONTEXT)
    return "".join(islice(_finished(lines, start), _MOST_SHOWN))


def _shared(one: list[str], other: list[str]) -> int:
    """Return how many lines both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _finished(lines: Iterator[str], skipped: int) -> Iterator[str]:
    """Count the lines that were not compared into the headers of hunks, and mark a missing end of line."""
    for line in lines:
        if line.startswith("@@"):
            yield _HUNK.sub(lambda match: _moved(match, skipped), line)
        else:
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _moved(match: re.Match[str], skipped: int) -> str:
    old, old_length, new, new_length = match.groups("")
    return f"@@ -{int(old) + skipped}{old_length} +{int(new) + skipped}{new_length} @@"
