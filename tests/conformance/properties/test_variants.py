"""Variants of values: certainly valid, or wrong where they are said to be, each once, the same for the same chance."""

from __future__ import annotations

from itertools import islice
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conformance.properties.json_schema_document import read
from conformance.properties.variants import Variants, sites, vocabulary

from .grounds import ADD, DEPTH, ECHO

MIXED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "unit": {"enum": ["metre", "mile"]},
        "day": {"type": "string", "format": "date"},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 3},
        "on": {"type": ["boolean", "integer"]},
    },
    "required": ["unit"],
    "additionalProperties": False,
}
DRAWN: list[tuple[Any, Any]] = [
    (ECHO["inputSchema"], {"text": "a"}),
    (ADD["inputSchema"], {"a": 1, "b": 2}),
    (DEPTH["inputSchema"], {"tree": {"children": [{}, {"children": []}]}}),
    (MIXED, {"unit": "mile", "share": 0.5, "tags": ["a", "b"], "on": True}),
]


@pytest.mark.parametrize(("schema", "value"), DRAWN)
def test_variants_are_valid_and_differ(schema: Any, value: Any) -> None:
    found = list(islice(Variants(schema).valid(value, Random(3)), 40))
    validator = Draft202012Validator(schema)
    assert len(found) == 40
    assert all(validator.is_valid(each) for each in found)
    assert len({repr(each) for each in (value, *found)}) == 41


@pytest.mark.parametrize(("schema", "value"), DRAWN)
def test_the_same_chance_gives_the_same_variants(schema: Any, value: Any) -> None:
    first, second = (list(islice(Variants(schema).valid(value, Random(5)), 10)) for _ in range(2))
    assert first == second


def test_a_text_that_has_a_form_is_not_made_up() -> None:
    found = islice(Variants(MIXED).valid({"unit": "mile", "day": "2026-07-28"}, Random(1)), 20)
    assert {each.get("day") for each in found} <= {None}


def test_members_are_lent_by_what_was_drawn_before() -> None:
    variants = Variants(MIXED)
    list(islice(variants.valid({"unit": "metre", "on": 4711}, Random(1)), 3))
    assert any(each.get("on") == 4711 for each in variants.valid({"unit": "mile"}, Random(1)))


@pytest.mark.parametrize(("schema", "value"), [DRAWN[1], DRAWN[3]])
def test_broken_variants_break_the_schema_where_they_say(schema: Any, value: Any) -> None:
    validator = Draft202012Validator(schema)
    found = list(islice(Variants(schema).broken(read(schema), value, Random(2)), 40))
    assert len(found) == 40
    for way, broken in found:
        places = [tuple(error.absolute_path) for error in validator.iter_errors(broken)]
        assert places, (way, broken)
        assert all(way.path[: len(place)] == place for place in places), (way, broken)


def test_a_value_without_parts_has_no_variants() -> None:
    assert list(Variants({"type": "object"}).valid({}, Random(1))) == []


def test_places_are_those_within_a_value_the_outer_ones_first() -> None:
    assert sites({"a": [1], "b": 2}) == [(("a",), [1]), (("b",), 2), (("a", 0), 1)]


def test_the_vocabulary_is_what_a_schema_names() -> None:
    assert sorted(map(str, vocabulary(MIXED))) == ["0", "1", "metre", "mile"]
