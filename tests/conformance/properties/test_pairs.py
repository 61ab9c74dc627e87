"""Pairs of calls that are easily taken for one another, of tools that only read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis.strategies import SearchStrategy

from conformance.dialects import misfit
from conformance.expect import Blocked, Inapplicable
from conformance.peer import encode
from conformance.properties.case import Case
from conformance.properties.pairs import calls_after, calls_again, calls_beside, calls_cut, known_cuts, known_pairs
from conformance.properties.property import Ground

from .grounds import ADD, ECHO, PLAIN, WRITES, ground

Draw = Callable[..., list[Case]]
MAKERS = [calls_after, calls_again, calls_beside, calls_cut]
HERE = ground(ECHO, ADD, PLAIN, WRITES)


@pytest.mark.parametrize("make", MAKERS)
def test_only_tools_that_say_that_they_read_are_called(
    make: Callable[[Ground], SearchStrategy[Case]], drawn: Draw
) -> None:
    named = {case.message["params"]["name"] for case in drawn(make(HERE), 40)}
    assert named <= {"echo", "add", "plain"}
    assert "echo" in named


@pytest.mark.parametrize("make", MAKERS)
def test_arguments_fit(make: Callable[[Ground], SearchStrategy[Case]], drawn: Draw) -> None:
    schemas = {tool["name"]: tool["inputSchema"] for tool in HERE.surface.tools}
    for case in drawn(make(HERE), 30):
        for message in filter(None, (case.first, case.message)):
            assert misfit(schemas[message["params"]["name"]], message["params"]["arguments"]) is None


@pytest.mark.parametrize("make", MAKERS)
def test_without_a_tool_that_reads_there_is_nothing_to_compare(make: Callable[[Ground], object]) -> None:
    with pytest.raises(Blocked, match="read-only"):
        make(ground(WRITES))
    with pytest.raises(Inapplicable, match="does not declare tools"):
        make(ground(ECHO, capabilities={}))


def test_again_is_the_same_call(drawn: Draw) -> None:
    for case in drawn(calls_again(HERE)):
        assert case.relation == "again"
        assert case.first == case.message


def test_after_and_beside_are_two_calls_of_one_tool(drawn: Draw) -> None:
    for make, relation in ((calls_after, "after"), (calls_beside, "beside")):
        for case in drawn(make(HERE)):
            assert case.relation == relation
            assert case.first["params"]["name"] == case.message["params"]["name"]


def _differences(cases: list[Case]) -> list[tuple[Any, Any]]:
    return [(case.first["params"]["arguments"], case.message["params"]["arguments"]) for case in cases]


def test_known_pairs_exchange_arguments_and_prolong_texts() -> None:
    pairs = _differences(list(known_pairs(ground(ECHO, {**ADD, "inputSchema": _NUMBERS}))))
    assert all(encode(one) != encode(other) for one, other in pairs)
    assert any(one.keys() == {"text"} and one["text"][:-1] == other["text"][:-1] for one, other in pairs)
    assert any(one.get("a") == other.get("b") and one.get("b") == other.get("a") for one, other in pairs if "a" in one)


_NUMBERS = {
    "type": "object",
    "properties": {"a": {"enum": [1, 2]}, "b": {"enum": [2, 1]}},
    "required": ["a", "b"],
}


def test_known_pairs_tell_one_from_true_where_both_fit() -> None:
    either = {
        **ECHO,
        "inputSchema": {"type": "object", "properties": {"v": {"type": ["integer", "boolean"]}}, "required": ["v"]},
    }
    pairs = _differences(list(known_pairs(ground(either))))
    assert ({"v": 1}, {"v": True}) in [(one, other) for one, other in pairs if other["v"] is True]


def test_cuts_lie_within_the_bytes_of_the_call(drawn: Draw) -> None:
    for case in drawn(calls_cut(HERE), 30):
        assert case.relation == "cut"
        assert 1 <= case.cut <= len(encode(case.message))


def test_known_cuts_go_through_each_character_and_before_the_line_end() -> None:
    cases = list(known_cuts(HERE))
    for case in cases[:-1]:
        with pytest.raises(UnicodeDecodeError):
            encode(case.message)[: case.cut].decode()
    assert cases[-1].cut == len(encode(cases[-1].message))
    assert len({case.message["id"] for case in cases}) == len(cases) == 4
