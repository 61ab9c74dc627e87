"""The quick look at a value: whatever it accepts is valid to those that look closely, and it accepts most that is."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from conformance.accepting import acceptor
from conformance.dialects import dialect, flaw

FOLDER = Path(__file__).parent / "properties"
SCHEMAS = [
    schema
    for file in ("schemas.json", "published.json")
    for schema in json.loads((FOLDER / file).read_text("utf-8")).values()
    if dialect(schema) is not None
    and flaw(schema) is None
    # Patterns that Python cannot read stop its validators.
    and not any(mark in json.dumps(schema) for mark in ("(?<f", "\\\\p{"))
]
SCALARS = [None, True, False, 0, 1, -1, 1.0, 0.5, 10**30, "", "a", "a" * 300, "2026-07-28", "x@example.org"]


def _values(schema: Any, random: Random, depth: int = 4) -> Any:  # noqa: PLR0911 - a line for each keyword
    """A value that often fits a schema: what its keywords name, and now and then anything."""
    if not isinstance(schema, dict) or depth == 0 or random.random() < 0.05:
        return random.choice([*SCALARS, [], {}, ["a", "a"], {"a": 1}])
    for keyword in ("enum", "examples"):
        if schema.get(keyword):
            return random.choice(schema[keyword])
    if "const" in schema:
        return schema["const"]
    for keyword in ("anyOf", "oneOf", "allOf"):
        if schema.get(keyword):
            return _values(random.choice(schema[keyword]), random, depth)
    named = schema.get("type", "object" if "properties" in schema else None)
    named = random.choice(named) if isinstance(named, list) else named
    if named == "object":
        due = set(schema.get("required", ()))
        parts = schema.get("properties", {}).items()
        return {name: _values(part, random, depth - 1) for name, part in parts if name in due or random.random() < 0.6}
    if named == "array":
        return [_values(schema.get("items"), random, depth - 1) for _ in range(random.randrange(3))]
    kinds: dict[Any, type | tuple[type, ...]] = {"string": str, "integer": int, "number": (int, float), "boolean": bool}
    return random.choice([value for value in SCALARS if isinstance(value, kinds.get(named, object))])


@pytest.mark.parametrize("forms", [True, False])
def test_whatever_is_accepted_is_valid(forms: bool) -> None:
    random = Random(7)
    for schema in SCHEMAS:
        accepts, validator = acceptor(schema, forms=forms), dialect(schema)(schema)
        for _ in range(20):
            value = _values(schema, random)
            if accepts(value):
                assert validator.is_valid(value), (schema, value)


def test_most_of_what_is_valid_is_accepted() -> None:
    random, valid, accepted = Random(7), 0, 0
    for schema in SCHEMAS:
        accepts, validator = acceptor(schema), dialect(schema)(schema)
        for value in [_values(schema, random) for _ in range(20)]:
            if validator.is_valid(value):
                valid, accepted = valid + 1, accepted + accepts(value)
    assert accepted > valid * 0.6


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (True, 1, None),
        ({"type": "integer"}, 1, True),
        ({"enum": [1, "a"]}, 1, True),
        ({"const": "a"}, "a", "b"),
        ({"type": ["string", "null"]}, None, 1),
        ({"minimum": 1, "exclusiveMaximum": 3}, 2, 3),
        ({"minLength": 1, "maxLength": 2}, "ab", "abc"),
        ({"pattern": "^a+$"}, "aa", "b"),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, ["a"], ["a", "b"]),
        ({"required": ["a"], "properties": {"a": {"type": "string"}}}, {"a": ""}, {"a": 1}),
        ({"properties": {"a": True}, "additionalProperties": False}, {"a": 1}, {"b": 1}),
        ({"anyOf": [{"type": "string"}, {"minimum": 3}]}, 3, 2),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}, "type": "array"}}}, [[]], [1]),
        ({"items": {"$ref": "#"}, "type": "array"}, [[], []], [1]),
    ],
)
def test_each_keyword_that_is_known_lets_pass_what_fits_alone(schema: Any, good: Any, bad: Any) -> None:
    accepts = acceptor(schema)
    assert accepts(good)
    assert bad is None or not accepts(bad)


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"type": "string"}},
        {"oneOf": [True]},
        {"$ref": "https://example.org/schema"},
        {"$ref": "#/$defs/absent"},
        {"$id": "https://example.org/a", "type": "integer"},
        {"minimum": 0, "exclusiveMinimum": True},
        {"type": "integer", "unknown": 1},
    ],
)
def test_what_only_validators_know_is_left_to_them(schema: Any) -> None:
    assert not acceptor(schema)(1)


def test_without_forms_no_text_is_accepted_that_should_have_one() -> None:
    schema = {"format": "date"}
    assert acceptor(schema)("2026-07-28")
    assert not acceptor(schema, forms=False)("2026-07-28")
    assert acceptor(schema, forms=False)(1)


def test_a_value_deeper_than_python_climbs_is_left_to_validators() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]
    assert not acceptor({"items": {"$ref": "#"}, "type": "array"})(value)
