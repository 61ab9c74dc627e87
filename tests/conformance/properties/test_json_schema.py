# ruff: noqa: E501 - tables of cases read best one case a line

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, Phase, find, given, reject, settings
from hypothesis import strategies as st

from conformance.properties.json_schema import OFTEN_STRIPPED, Unsatisfiable, minimally_invalid, valid
from conformance.properties.json_schema_document import read
from conformance.properties.json_schema_model import pointer

Draw = Callable[..., list[Any]]

# Schemas that only our reading accepts, and those without a rule that can be broken safely.
OLD_FORM = "tuple in the old form without a dialect"
UNBREAKABLE = {"boolean schema that allows everything", "empty schema", "const object", "any JSON by recursion"}
QUICK = settings(
    max_examples=60,
    database=None,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
MINIMAL = settings(database=None, derandomize=True, max_examples=100, deadline=None)


def second_opinion(schema: Any) -> jsonschema_rs.Validator:
    """A validator that shares no code with the one that the strategies filter with."""
    return jsonschema_rs.validator_for(schema)


def test_every_instance_satisfies_an_independent_validator(schema_name: str, schema: Any, drawn: Draw) -> None:
    instances = drawn(valid(schema))
    assert instances
    assert json.loads(json.dumps(instances)) == instances
    if schema_name != OLD_FORM:
        validator = second_opinion(schema)
        assert [value for value in instances if not validator.is_valid(value)] == []


# Keywords that are one rule in several dialects, or under a negation.
ONE_RULE = {
    "const": "enum",
    "exclusiveMinimum": "minimum",
    "exclusiveMaximum": "maximum",
    "dependencies": "dependentRequired",
    "not": "type",
}


def _rule(keyword: Any) -> str:
    return ONE_RULE.get(str(keyword), str(keyword))


def _complaints(errors: Iterable[jsonschema.ValidationError]) -> Iterator[tuple[str, str]]:
    """Which rule is broken where, in branches too."""
    for error in errors:
        yield _rule(error.validator), pointer(tuple(error.absolute_path))
        yield from _complaints(error.context or ())


def test_every_broken_instance_breaks_the_rule_that_it_is_said_to_break(
    schema_name: str, schema: Any, drawn: Draw
) -> None:
    if schema_name in UNBREAKABLE:
        return
    document = read(schema)
    judge = document.original if document.native else document._validator(document.root)
    for broken in drawn(minimally_invalid(schema), 5):
        complaints = set(_complaints(judge.iter_errors(broken.value)))
        assert (_rule(broken.keyword), broken.pointer) in complaints, broken


def test_every_broken_instance_fails_an_independent_validator(schema_name: str, schema: Any, drawn: Draw) -> None:
    if schema_name in UNBREAKABLE:
        with pytest.raises(Unsatisfiable, match="no rule"):
            minimally_invalid(schema)
        return
    broken = drawn(minimally_invalid(schema))
    assert broken
    if schema_name != OLD_FORM:
        validator = second_opinion(schema)
        assert [each for each in broken if validator.is_valid(each.value)] == []


SCALARS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.sampled_from([{"type": name} for name in ("null", "boolean", "integer", "number", "string")]),
    st.builds(
        lambda low, span: {"type": "integer", "minimum": low, "maximum": low + span},
        st.integers(-50, 50),
        st.integers(0, 9),
    ),
    st.builds(lambda low: {"type": "number", "exclusiveMinimum": low}, st.sampled_from([-1.5, 0, 2])),
    st.builds(lambda step: {"type": "integer", "multipleOf": step}, st.integers(1, 9)),
    st.builds(
        lambda least, more: {"type": "string", "minLength": least, "maxLength": least + more},
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    st.sampled_from([{"type": "string", "pattern": text} for text in ("^[a-z]+$", "\\d", "^(a|bc)*$")]),
    st.builds(
        lambda values: {"enum": values},
        st.lists(st.sampled_from(["a", "b", 1, 2, None, True]), min_size=1, unique_by=repr),
    ),
    st.builds(lambda value: {"const": value}, st.sampled_from(["a", 1, False, [1], {"k": None}])),
)
NAMES = st.sampled_from(["a", "b", "c", "d"])


def compound(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.dictionaries(NAMES, inner, max_size=4)
    some = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(
            lambda properties, required, rest: {
                "type": "object",
                "properties": properties,
                "required": required,
                **rest,
            },
            members,
            st.lists(NAMES, max_size=2, unique=True),
            st.sampled_from([{}, {"additionalProperties": False}, {"minProperties": 1}, {"maxProperties": 2}]),
        ),
        st.builds(lambda value: {"type": "object", "additionalProperties": value}, inner),
        st.builds(lambda value: {"type": "object", "patternProperties": {"^[ab]": value}}, inner),
        st.builds(lambda name, value: {"type": "object", "dependentSchemas": {name: value}}, NAMES, inner),
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, st.integers(0, 2)),
        st.builds(lambda items: {"type": "array", "items": items, "uniqueItems": True, "maxItems": 3}, inner),
        st.builds(
            lambda head, rest: {"type": "array", "prefixItems": head, "items": rest}, some, inner | st.just(value=False)
        ),
        st.builds(lambda value: {"type": "array", "contains": value, "maxContains": 2}, inner),
        *(st.builds(lambda parts, keyword=keyword: {keyword: parts}, some) for keyword in ("anyOf", "oneOf", "allOf")),
        st.builds(lambda value, base: {**base, "not": value}, inner, SCALARS),
        st.builds(lambda test, then, other: {"if": test, "then": then, "else": other}, inner, inner, inner),
        st.builds(
            lambda value, more: {"allOf": [value], **more},
            inner,
            members.map(lambda found: {"properties": found, "unevaluatedProperties": False}),
        ),
    )


ANY_SCHEMA = st.recursive(SCALARS, compound, max_leaves=6)


@QUICK
@given(ANY_SCHEMA, st.data())
def test_any_schema_yields_instances_that_are_accepted(schema: Any, data: st.DataObject) -> None:
    try:
        strategy = valid(schema)
    except Unsatisfiable:
        reject()
    validator = second_opinion(schema)
    for _ in range(3):
        assert validator.is_valid(data.draw(strategy))


@QUICK
@given(ANY_SCHEMA, st.data())
def test_any_schema_yields_broken_instances_that_are_rejected(schema: Any, data: st.DataObject) -> None:
    try:
        strategy = minimally_invalid(schema)
    except Unsatisfiable:
        reject()
    broken = data.draw(strategy)
    assert not second_opinion(schema).is_valid(broken.value)


def test_the_same_schema_gives_the_same_instances(drawn: Draw) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "number"}}}
    assert drawn(valid(schema)) == drawn(valid(schema))


@pytest.mark.parametrize(
    ("schema", "simplest"),
    [
        ({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]}, {"a": 0}),
        ({"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}, {}),
        ({"type": "array", "items": {"type": "string"}, "minItems": 2}, ["", ""]),
        ({"type": "string", "format": "date"}, "2000-01-01"),
        ({"type": "integer", "minimum": 3, "multipleOf": 5}, 5),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 1}, {"type": "null"}]}}}, None),
    ],
)  # fmt: skip
def test_the_simplest_instance_has_only_what_is_required(schema: Any, simplest: Any) -> None:
    assert find(valid(schema), lambda _: True, settings=MINIMAL) == simplest


def test_failures_shrink_to_the_member_that_matters() -> None:
    members = {name: {"type": "array", "items": {"type": "string"}} for name in ("a", "b", "c")}
    schema = {"type": "object", "properties": members}
    assert find(valid(schema), lambda value: len(value.get("b", ())) > 1, settings=MINIMAL) == {"b": ["", ""]}


def test_broken_instances_shrink_to_the_required_members() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer", "maximum": 9}, "b": {"type": "string"}},
        "required": ["a"],
    }
    found = find(minimally_invalid(schema), lambda broken: broken.keyword == "maximum", settings=MINIMAL)
    assert (found.value, found.pointer) == ({"a": 10}, "/a")


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (False, "allows no value"),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/n", "type": "string", "definitions": {"n": {"type": "integer"}}}, "exclude each other"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "no integer lies within"),
        ({"type": "integer", "minimum": 0.2, "maximum": 0.8}, "no integer lies within"),
        ({"allOf": [{"type": "string"}, {"type": "array"}]}, "exclude each other"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "allows no value"),
        ({"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 4}, "no valid instance|too rarely"),
        ({"type": "string", "not": {"minLength": 0}}, "no valid instance|too rarely"),
        ({"type": "string", "minLength": 10**9}, "more than"),
        ({"type": "array", "minItems": 10**6}, "no array of"),
        ({"$ref": "#"}, "recurs without end"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "recurs without end"),
        ({"type": "string", "pattern": "^[\\p{Script=Greek}]$"}, "not supported"),
        ({"type": "string", "pattern": "("}, "no equal"),
        ({"$ref": "https://example.com/schema.json"}, "nothing is fetched"),
        ({"properties": {"a": {"$ref": "http://json-schema.org/draft-07/schema#"}}}, "nothing is fetched"),
        ({"$ref": "#/$defs/absent"}, "nowhere"),
        ({"$schema": "https://example.com/own-dialect"}, "dialect"),
        ({"type": "any"}, "not a valid 2020-12 schema: anyOf at /type"),
        ({"type": "object", "required": True}, "not a valid"),
        ([], "must be an object or a boolean"),
        ({"allOf": [{"anyOf": [{"minimum": i}, {"maximum": i}, {"type": "null"}, {"const": i}]} for i in range(40)] + [{"type": "array"}, False]}, "allows no value"),
        ({"type": "array", "allOf": [{"oneOf": [{"type": "string"}, {"type": "null"}]}]}, "exclude each other"),
        ({"type": "array", "items": {"type": "string"}, "contains": {"type": "integer"}}, "exclude each other"),
        ({"type": "object", "required": ["a", "b"], "dependentSchemas": {"a": {"properties": {"b": False}}}}, "allows no value"),
        ({"type": "string", "minLength": 40, "maxLength": 40, "allOf": [{"pattern": "^[a-f]+$"}, {"pattern": "abcdefabcdef"}]}, "too rarely|no valid"),
        ({"not": {}}, "too rarely|no valid"),
        ({"enum": ["a", "bb"], "minLength": 3, "type": "string"}, "no value of the enumeration"),
        ({"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": True, "minItems": 3}, "only 2 distinct"),
    ],
)  # fmt: skip
def test_what_cannot_be_satisfied_says_why(schema: Any, reason: str) -> None:
    with pytest.raises(Unsatisfiable, match=reason):
        valid(schema)


def test_a_hostile_combination_of_alternatives_is_given_up() -> None:
    layers = [{"anyOf": [{"type": "string", "minLength": i}, {"type": "null"}]} for i in range(1, 30)]
    with pytest.raises(Unsatisfiable, match=r"too many alternatives|exclude each other"):
        valid({"allOf": [*layers, {"anyOf": [{"type": "integer"}, {"type": "array"}]}]})


def test_the_root_keeps_its_type_on_demand(drawn: Draw) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    broken = drawn(minimally_invalid(schema, wrong_root=False), 60)
    assert {type(each.value) for each in broken} == {dict}
    with pytest.raises(Unsatisfiable, match="no rule"):
        minimally_invalid({"type": "object"}, wrong_root=False)


@pytest.mark.parametrize(
    ("schema", "keyword", "pointer", "value"),
    [
        ({"type": "integer", "minimum": 3}, "minimum", "", 2),
        ({"type": "integer", "maximum": 3}, "maximum", "", 4),
        ({"type": "number", "exclusiveMinimum": 0.5}, "exclusiveMinimum", "", 0),
        ({"type": "number", "exclusiveMaximum": 2.5}, "exclusiveMaximum", "", 3),
        ({"type": "integer", "multipleOf": 4}, "multipleOf", "", 1),
        ({"type": "string", "minLength": 2}, "minLength", "", "a"),
        ({"type": "string", "maxLength": 2}, "maxLength", "", "aaa"),
        ({"enum": ["a", "b"]}, "enum", "", "touchstone"),
        ({"enum": [3, 5]}, "enum", "", 6),
        ({"type": "array", "items": {"type": "null"}, "minItems": 2}, "minItems", "", [None]),
        ({"type": "array", "prefixItems": [{"type": "null"}], "maxItems": 1}, "maxItems", "", [None, None]),
        ({"required": ["a/b"], "properties": {"a/b": {"type": "null"}}}, "required", "", {}),
        ({"type": "object", "properties": {"a~b": {"type": "null"}}}, "type", "/a~0b", {"a~b": "touchstone"}),
        ({"type": "object", "properties": {}, "additionalProperties": False}, "additionalProperties", "", {"touchstone": "touchstone"}),
        ({"type": "object", "properties": {}, "unevaluatedProperties": False}, "unevaluatedProperties", "", {"touchstone": "touchstone"}),
        ({"properties": {"a": {"type": "null"}}, "dependentRequired": {"a": ["b"]}}, "dependentRequired", "", {"a": None}),
    ],
)  # fmt: skip
def test_each_rule_is_broken_in_its_own_way(schema: Any, keyword: str, pointer: str, value: Any) -> None:
    found = find(
        minimally_invalid(schema),
        lambda broken: (broken.keyword, broken.pointer) == (keyword, pointer),
        settings=MINIMAL,
    )
    assert found.value == value
    assert found.description


@pytest.mark.parametrize(
    ("schema", "forbidden"),
    [
        ({"type": "string"}, lambda value: not isinstance(value, list | dict)),
        ({"type": "integer"}, lambda value: value in (None, 1, [])),
        ({"type": "boolean"}, lambda value: value in (0, 1, "true", "1", None)),
        ({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]}, lambda value: isinstance(value, int)),
    ],
)
def test_values_that_lax_readers_convert_are_not_used(schema: Any, forbidden: Any, drawn: Draw) -> None:
    assert [broken for broken in drawn(minimally_invalid(schema)) if forbidden(broken.value)] == []


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "integer", "default": 1}}, "required": ["a"]},
        {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
        {"type": "string", "pattern": "^a$"},
        {"type": "string", "format": "email", "minLength": 3},
        {"type": "string", "maxLength": 10**6},
    ],
)
def test_rules_that_not_every_validator_enforces_are_left_alone(schema: Any, drawn: Draw) -> None:
    assert {broken.keyword for broken in drawn(minimally_invalid(schema), 60)} == {"type"}


def test_the_keywords_that_lenient_parsers_strip_are_named() -> None:
    assert "additionalProperties" in OFTEN_STRIPPED


def test_a_dialect_can_be_imposed(drawn: Draw) -> None:
    schema = {"type": "array", "items": [{"type": "integer"}], "additionalItems": False, "minItems": 1}
    assert all(len(value) == 1 for value in drawn(valid(schema, dialect="draft-07")))
    with pytest.raises(Unsatisfiable, match=r"not a valid 2020-12"):
        valid(schema, dialect="2020-12")
