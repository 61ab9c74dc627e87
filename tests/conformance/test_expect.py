"""Verifiers: each raises with what was expected and what came."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.expect import (
    Blocked,
    Mismatch,
    Unserved,
    brief,
    expect,
    expect_equal,
    expect_error,
    expect_result,
    expect_status,
)
from conformance.links import Answer
from conformance.transcript import NO_JSON, Direction, Entry

ENTRY = Entry(0, 0.0, Direction.RECEIVED, b"")


def answer(message: Any) -> Answer:
    return Answer("ping", 1, message, ENTRY)


def test_a_mismatch_carries_both_sides_and_its_evidence() -> None:
    mismatch = Mismatch("this", "that", [3, 4])
    assert (mismatch.expected, mismatch.actual, mismatch.entries) == ("this", "that", (3, 4))
    assert str(mismatch) == "expected this; got that"


@pytest.mark.parametrize(
    ("value", "text"),
    [("plain", "plain"), ({"a": "é"}, '{"a": "é"}'), ([1, None], "[1, null]"), (NO_JSON, '"<no JSON>"')],
)
def test_a_value_is_shown_on_one_line(value: Any, text: str) -> None:
    assert brief(value) == text


def test_a_long_value_is_cut() -> None:
    assert brief("a" * 500) == "a" * 199 + "…"


@pytest.mark.parametrize("actual", [1.0, True, "1", None])
def test_equal_means_equal_in_type_too(actual: Any) -> None:
    with pytest.raises(Mismatch, match="the id 1"):
        expect_equal(actual, 1, "the id")
    expect_equal(1, 1, "the id")


def test_a_condition_that_does_not_hold_shows_the_actual_value() -> None:
    expect([1], "something", None)
    with pytest.raises(Mismatch, match=r'expected a list; got \{"a": 1\}'):
        expect([], "a list", {"a": 1})


@pytest.mark.parametrize("message", [{"error": {}}, {"result": 1}, NO_JSON, [], {"result": None}])
def test_only_an_object_is_a_result(message: Any) -> None:
    with pytest.raises(Mismatch, match="a result for ping"):
        expect_result(answer(message))
    assert expect_result(answer({"result": {"a": 1}})) == {"a": 1}


@pytest.mark.parametrize(
    "message", [{"result": {}}, {"error": "no"}, {"error": {"code": -32600}}, {"error": {"code": "-32601"}}, NO_JSON]
)
def test_a_rejection_counts_only_with_the_right_code(message: Any) -> None:
    with pytest.raises(Mismatch, match="an error with code -32601 or -32602 for it"):
        expect_error(answer(message), {-32602, -32601}, "it")


def test_any_code_will_do_where_none_is_named() -> None:
    assert expect_error(answer({"error": {"code": 7}}), (), "it") == {"code": 7}


def test_a_status_is_among_the_wanted_ones() -> None:
    expect_status(202, {200, 202}, "it")
    with pytest.raises(Mismatch, match="expected HTTP 200 or 202 for it; got HTTP 404"):
        expect_status(404, {202, 200}, "it")


def test_what_was_not_served_is_blocked_in_a_way_of_its_own() -> None:
    assert isinstance(Unserved("its twin failed"), Blocked)
    assert Unserved("its twin failed").reason == "its twin failed"


def test_ids_that_differ_in_type_alone_are_told_apart_in_words() -> None:
    with pytest.raises(Mismatch) as caught:
        expect_equal("7", 7, "the response id")
    assert (caught.value.expected, caught.value.actual) == ("the response id 7", 'the response id "7"')
