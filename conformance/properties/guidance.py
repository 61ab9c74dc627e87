"""What a search is drawn towards: targets of Hypothesis, measured on what went over the wire in a case.

Each observation is a coarse number, so that the same seed makes the same cases on a target that answers the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import target

from conformance.transcript import Direction, Entry

__all__ = ["depth", "guide"]

_DEEPEST = 200
"""Levels that are counted; deeper is not told apart."""


def guide(entries: Sequence[Entry], seconds: float, variety: set[Any]) -> None:
    """Tell Hypothesis how slow (in whole seconds) a case was, how large (in powers of two of bytes) and deep what the
    target answered, and how many kinds of error it has shown; `variety` holds those seen in the run so far."""
    received = [entry for entry in entries if entry.direction is Direction.RECEIVED]
    variety.update(kind for entry in received if (kind := _error(entry.value)) is not None)
    target(float(int(seconds)), label="latency")
    target(float(sum(len(entry.data) for entry in received).bit_length()), label="size of the answers")
    target(float(max((depth(entry.value) for entry in received), default=0)), label="depth of the answers")
    target(float(len(variety)), label="errors")


def _error(value: Any) -> Any:
    """Return what tells an error from others: its code and the beginning of its message."""
    error = value.get("error") if isinstance(value, dict) else None
    return (str(error.get("code")), str(error.get("message"))[:24]) if isinstance(error, dict) else None


def depth(value: Any) -> int:
    """Return how deep arrays and objects are nested in a JSON value, without recursion."""
    deepest, left = 0, [(value, 0)]
    while left:
        item, level = left.pop()
        deepest = max(deepest, level)
        inner = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        if level < _DEEPEST:
            left += [(each, level + 1) for each in inner if isinstance(each, dict | list)]
    return deepest
