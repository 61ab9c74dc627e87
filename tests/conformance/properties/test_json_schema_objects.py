from collections.abc import Callable
from typing import Any

import pytest

from conformance.properties.json_schema import Unsatisfiable, valid

Draw = Callable[..., list[Any]]


def test_members_that_no_keyword_mentions_are_left_out(drawn: Draw) -> None:
    assert {*map(len, drawn(valid({"type": "object", "properties": {"a": {"type": "null"}}})))} == {0, 1}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        {"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": {"type": "null"}},
        {"type": "object", "properties": {"a": {"type": "null"}}, "minProperties": 2},
    ],
)
def test_further_members_appear_where_the_schema_asks_for_them(schema: Any, drawn: Draw) -> None:
    assert any(value.keys() - {"a"} for value in drawn(valid(schema)))


def test_members_keep_the_order_of_the_schema(drawn: Draw) -> None:
    members = {name: {"type": "null"} for name in "cab"}
    for value in drawn(valid({"type": "object", "properties": members, "required": ["b"]})):
        assert list(value) == [name for name in "cab" if name in value]


def test_every_optional_member_comes_and_goes(drawn: Draw) -> None:
    found = drawn(valid({"type": "object", "properties": {name: {"type": "null"} for name in "ab"}}), 50)
    assert {frozenset(value) for value in found} == {frozenset(), frozenset("a"), frozenset("b"), frozenset("ab")}


def test_members_that_nothing_fits_are_left_out(drawn: Draw) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "pattern": "^(?=b)a$", "maxLength": 0}, "c": False},
    }
    assert all("c" not in value for value in drawn(valid(schema)))


def test_patterns_of_one_name_that_exclude_each_other_do_not_meet(drawn: Draw) -> None:
    patterns = {"^a": {"type": "null"}, "b$": {"type": "string"}}
    schema = {"type": "object", "patternProperties": patterns, "additionalProperties": False}
    assert all(not (name[:1] == "a" and name[-1:] == "b") for value in drawn(valid(schema)) for name in value)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "object", "required": ["a", "b"], "maxProperties": 1}, "fewer members than are required"),
        ({"type": "object", "required": ["ab"], "propertyNames": {"maxLength": 1}}, "is required and not allowed"),
        (
            {"type": "object", "minProperties": 2, "properties": {"a": True}, "additionalProperties": False},
            "more members",
        ),
    ],
)
def test_counts_that_cannot_be_met_say_why(schema: Any, reason: str) -> None:
    with pytest.raises(Unsatisfiable, match=reason):
        valid(schema)
