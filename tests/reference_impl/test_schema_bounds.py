"""Hostile schemas and values: refused, or judged in no time."""

from __future__ import annotations

import time

import pytest

from reference_impl.schema_bounds import OutOfBoundsError, depth, most_depth
from reference_impl.schemas import SchemaError, _compile_python, compile_schema


def doubling(levels, keyword="allOf"):
    definitions = {f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(levels)}
    return {"$defs": {**definitions, f"d{levels}": {"type": "string"}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize("compiled", [compile_schema, _compile_python])
def test_a_value_that_is_nested_too_deeply_is_judged_all_the_same(compiled):
    value = {}
    for _ in range(5000):
        value = {"in": value}
    assert compiled({"properties": {"x": {"type": "string"}}})({"x": value}) == "it is nested too deeply"


def nested(levels, leaf=None):
    value = leaf if leaf is not None else {"type": "string"}
    for _ in range(levels):
        value = {"properties": {"a": value}}
    return value


TREE = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}}
JSON_VALUE = {
    "$anchor": "value",
    "anyOf": [
        {"type": ["string", "number", "boolean", "null"]},
        {"type": "array", "items": {"$ref": "#value"}},
        {"type": "object", "additionalProperties": {"$ref": "#value"}},
    ],
}
EXPRESSION = {
    "$defs": {"side": {"$ref": "#"}},
    "anyOf": [{"properties": {"op": {"const": op}, "left": {"$ref": "#/$defs/side"}}} for op in ("+", "-")],
}


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"enum": list(range(60_000))}, "more than 50000 values"),
        (nested(60), "nested more than 100"),
        (doubling(30), "more than 10000 subschemas"),
        (doubling(30, "anyOf"), "more than 10000 subschemas"),
        ({"$ref": "#"}, "for ever"),
        ({"anyOf": [{"type": "string"}, {"$ref": "#"}]}, "for ever"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"not": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"}, "for ever"),
        ({"$dynamicAnchor": "x", "allOf": [{"$dynamicRef": "#x"}]}, "for ever"),
    ],
)
def test_a_schema_that_costs_too_much_is_refused(schema, why):
    with pytest.raises(OutOfBoundsError, match=why):
        most_depth(schema)
    with pytest.raises(SchemaError, match=why):
        compile_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        TREE,
        JSON_VALUE,
        doubling(8),
        nested(40),
        {"enum": list(range(10_000))},
        {"properties": {"a": {"$ref": "#/$defs/t"}, "b": {"$ref": "#/$defs/t"}}, "$defs": {"t": {"type": "string"}}},
        {"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
        {"$ref": "https://example.com/elsewhere"},
        {"properties": {"properties": {"$ref": 5}}},
    ],
)
def test_an_ordinary_schema_is_within_bounds_for_values_of_any_depth(schema):
    assert most_depth(schema) is None


def test_values_that_can_be_read_in_several_ways_at_each_step_are_bounded_in_depth():
    judge = compile_schema(EXPRESSION)
    value = {"op": "+"}
    for _ in range(20):
        value = {"op": "+", "left": value}
    assert judge(value) is None
    for _ in range(10):
        value = {"op": "+", "left": value}
    assert judge(value).startswith("nested more than 23 deep")


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("^(a+)+$", "a" * 50_000 + "!"),
        ("^(a|a)*$", "a" * 50_000 + "!"),
        ("^(a?){50}a{50}$", "a" * 49),
        (r"^(a*)*\1b$", "a" * 5_000),
        ("^(?=.*x)(a+)+$", "a" * 5_000),
    ],
)
def test_a_pattern_that_explodes_elsewhere_is_searched_for_in_no_time(pattern, value):
    judge = compile_schema({"type": "string", "pattern": pattern})
    began = time.process_time()
    assert judge(value) is not None
    assert time.process_time() - began < 2  # a bound of decency, far from the ages that backtracking takes


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|b)*$", "((a+)b?)*", "(a{2,})+", r"(a*)\1", "(?:a?)+", "(a*){9}"])
def test_without_a_search_in_linear_time_patterns_that_could_explode_are_refused(pattern):
    for schema in ({"pattern": pattern}, {"items": {"patternProperties": {pattern: {}}}}):
        with pytest.raises(SchemaError, match="jsonschema-rs"):
            _compile_python(schema)


@pytest.mark.parametrize(
    "pattern",
    ["^[a-z]+$", r"^\d{4}-\d{2}$", "^(a|b)$", "^(abc)+$", "^[a-z]+(-[a-z])?$", r"\(x+\)+", "^((ab)c)*x$", "[(a+)]+"],
)
def test_ordinary_patterns_need_none(pattern):
    assert _compile_python({"pattern": pattern})("?") is not None


@pytest.mark.parametrize(("value", "levels"), [(1, 0), ([], 0), ([1], 1), ({"a": [1, [2]]}, 3), ([[], {}], 1)])
def test_depth_counts_what_is_nested(value, levels):
    assert depth(value) == levels
