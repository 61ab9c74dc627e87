"""Smaller values: each is smaller, the chain ends, and what makes a value fail is what is left of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from conformance.properties.smaller import smaller, weight


def _shrunk(value: Any, fails: Callable[[Any], bool]) -> Any:
    """The smallest value that is found from one that fails."""
    assert fails(value)
    while (less := next((each for each in smaller(value) if fails(each)), None)) is not None:
        assert weight(less) < weight(value)
        value = less
    return value


@pytest.mark.parametrize(
    ("value", "fails", "smallest"),
    [
        ({"text": "some\nwords"}, lambda value: "\n" in value.get("text", ""), {"text": "\n"}),
        ({"text": "a" * 65_537}, lambda value: len(value.get("text", "")) > 255, {"text": "0" * 256}),
        ({"a": 7, "b": 12_345, "c": True}, lambda value: value.get("b", 0) >= 1000, {"b": 1000}),
        ({"a": -12_345}, lambda value: value.get("a", 0) < -99, {"a": -100}),
        ({"a": 0.123456}, lambda value: value.get("a", 0) != 0, {"a": 0.1}),
        ({"a": [3, 4, 5, [6]]}, lambda value: [6] in value.get("a", ()), {"a": [[6]]}),
        ({"a": {"b": {"a": {}}}}, lambda value: "a" in value, {"a": {}}),
        ({"a": True, "b": None}, lambda value: isinstance(value, dict), {}),
    ],
)
def test_what_is_left_is_what_makes_it_fail(value: Any, fails: Callable[[Any], bool], smallest: Any) -> None:
    assert _shrunk(value, fails) == smallest


@pytest.mark.parametrize("value", [{}, [], "", 0, None, True, False])
def test_the_smallest_values_have_none_below_them(value: Any) -> None:
    assert list(smaller(value)) == []
