"""The simplest arguments that a stranger's schema allows, or none; never a crash, never a long wait."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from conformance.samples import simplest

INT = {"type": "integer"}
WIDE: dict[str, Any] = {
    "$ref": "#/$defs/a",
    "$defs": {
        "a": {
            "type": "object",
            "required": list("abcdefghij"),
            "properties": {name: {"$ref": "#/$defs/a"} for name in "abcdefghij"},
        }
    },
}


def _nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "minItems": 1000, "items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "object"}, {}),
        ({"properties": {"a": INT}}, {}),
        ({"type": "object", "properties": {"a": INT, "b": INT}, "required": ["a"]}, {"a": 1}),
        ({"type": "object", "required": ["unlisted"]}, {"unlisted": "a"}),
        ({"const": 7}, 7),
        ({"type": "string", "enum": ["x", "y"]}, "x"),
        ({"type": "string", "default": "d"}, "d"),
        ({"type": "string", "examples": ["e"]}, "e"),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "number", "maximum": -3}, -3),
        ({"type": "boolean"}, False),
        ({"type": ["string", "null"]}, "a"),
        ({"type": "string", "minLength": 30}, "a" * 30),
        ({"type": "string", "format": "date"}, "2026-01-01"),
        ({"type": "string", "pattern": "^https://"}, "https://example.com/"),
        ({"type": "array", "items": INT, "minItems": 2.0}, [1, 1]),
        ({"anyOf": [INT, {"type": "string"}]}, 1),
        ({"$ref": "#/$defs/n", "$defs": {"n": INT}}, 1),
    ],
)
def test_a_small_instance_is_found_and_is_valid(schema: Any, value: Any) -> None:
    assert simplest(schema) == value
    assert Draft202012Validator(schema).is_valid(simplest(schema))


@pytest.mark.parametrize(
    "schema",
    [
        None,
        5,
        [],
        {"type": "no such type"},
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "^z{9}$"},
        {"type": "string", "minLength": 10**12},
        {"type": "array", "minItems": 10**12},
        {"type": "array", "minItems": float("inf")},
        {"type": "number", "minimum": float("inf")},
        {"type": "number", "multipleOf": 0},
        {"type": "object", "required": [["a"], {}]},
        {"type": "object", "properties": []},
        {"$ref": "https://example.com/elsewhere"},
        {"$ref": "#"},
        {"enum": []},
        _nested(6),
        WIDE,
    ],
    ids=lambda schema: str(schema)[:40],
)
def test_where_there_is_none_none_is_returned_soon(schema: Any) -> None:
    assert simplest(schema) is None


@pytest.mark.parametrize("form", [{}, [], 7])
def test_a_format_that_is_no_word_is_no_format(form: Any) -> None:
    assert simplest({"type": "string", "format": form}) == "a"
