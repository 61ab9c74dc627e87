"""Values that are smaller than one and much like it: for what Hypothesis did not draw, as it shrinks only its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["smaller", "weight"]

_SIMPLEST = "0"
_FEW = 64
"""Parts of which each may be left out; of more it would take too long."""


def weight(value: Any) -> tuple[int, str]:
    """Return by what a JSON value is small: the length of its text, and of equals the text itself."""
    text = json.dumps(value, sort_keys=True)
    return len(text), text


def smaller(value: Any) -> Iterator[Any]:
    """Yield values that are smaller than a JSON value and much like it, the smallest ones first."""
    heavy = weight(value)
    return (each for each in _near(value) if weight(each) < heavy)


def _near(value: Any) -> Iterator[Any]:
    match value:
        case bool() | None:
            return
        case int() | float():
            yield from _numbers(value)
        case str():
            yield from _texts(value)
        case list():
            yield from _shorter(value, list)
            for index, item in enumerate(value):
                yield from ([*value[:index], near, *value[index + 1 :]] for near in _near(item))
        case dict():
            yield from _objects(value)


def _numbers(value: float) -> Iterator[float]:
    yield 0
    if isinstance(value, float) and value == value and abs(value) < 2**53:  # noqa: PLR0124 - no NaN
        yield int(value)
        yield round(value, 1)
    if isinstance(value, int):
        yield abs(value)
        step = abs(value)
        while step := step // 2:
            yield value - step if value > 0 else value + step


def _texts(text: str) -> Iterator[str]:
    yield from _shorter(text, "".join)
    if len(text) > 1:
        yield _SIMPLEST * len(text)
    # One after the other: of a long text it is the length that counts.
    if len(text) <= _FEW:
        yield from (text[:index] + _SIMPLEST + text[index + 1 :] for index in range(len(text)))


def _shorter(whole: Any, made: Callable[[Any], Any]) -> Iterator[Any]:
    """Yield a sequence without each of its parts, larger ones first; a long one without its end or its beginning."""
    step = len(whole)
    while step:
        starts = range(0, len(whole), step) if len(whole) <= _FEW else (len(whole) - step, 0)
        yield from (made([*whole[:start], *whole[start + step :]]) for start in starts)
        step //= 2


def _objects(members: dict[str, Any]) -> Iterator[Any]:
    yield from (part for part in members.values() if isinstance(part, dict))
    yield from ({name: part for name, part in members.items() if name != gone} for gone in members)
    for name, part in members.items():
        yield from ({**members, name: near} for near in _near(part))
