"""What draws a search: depth without recursion, and observations that are the same for the same answers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from conformance.properties.guidance import depth, guide
from conformance.transcript import Direction, Entry


def _entry(value: Any, direction: Direction = Direction.RECEIVED, data: bytes = b"x" * 5) -> Entry:
    return Entry(0, 0.0, direction, data, value)


def _seen(entries: list[Entry], seconds: float, variety: set[Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    told: dict[str, float] = {}
    monkeypatch.setattr(
        "conformance.properties.guidance.target", lambda value, *, label: told.__setitem__(label, value)
    )
    guide(entries, seconds, variety)
    return told


@pytest.mark.parametrize(("value", "levels"), [(1, 0), ([], 0), ([[]], 1), ({"a": {"b": [1]}}, 2), ([[], [[[]]]], 3)])
def test_depth_counts_what_lies_within(value: Any, levels: int) -> None:
    assert depth(value) == levels


def test_depth_of_a_tower_stops_counting() -> None:
    tower: Any = []
    for _ in range(100_000):
        tower = [tower]
    assert depth(tower) == 200


def test_what_came_is_measured_coarsely(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [_entry({"result": {"a": []}}), _entry({"result": 1}), _entry([[[]]], Direction.SENT, b"y" * 1000)]
    told = _seen(entries, 1.9, set(), monkeypatch)
    assert told == {"latency": 1.0, "size of the answers": 4.0, "depth of the answers": 2.0, "errors": 0.0}


def test_kinds_of_error_are_counted_over_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    variety: set[Any] = set()
    first = {"error": {"code": -1, "message": "a" * 30 + "b"}}
    again = {"error": {"code": -1, "message": "a" * 30 + "c"}}
    other = {"error": {"code": -2, "message": "a"}}
    counts = [_seen([_entry(each)], 0, variety, monkeypatch)["errors"] for each in (first, again, other, {"error": 5})]
    assert counts == [1.0, 1.0, 2.0, 2.0]


def test_hypothesis_takes_the_observations() -> None:
    @settings(max_examples=5, database=None, derandomize=True, deadline=None, phases=[Phase.generate, Phase.target])
    @given(st.integers(0, 9))
    def look(number: int) -> None:
        guide([_entry([number], data=b"x" * number)], 0.0, set())
        looked.append(number)

    looked: list[int] = []
    look()
    assert len(looked) >= 5
