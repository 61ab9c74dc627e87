# ruff: noqa: E501 - tables of cases read best one case a line

from typing import Any

import pytest

from conformance.properties.json_schema_conjunction import fold, negation
from conformance.properties.json_schema_document import read
from conformance.properties.json_schema_model import Unsatisfiable


def folded(*parts: Any) -> dict[str, Any]:
    document = read({"allOf": list(parts)})
    return fold(document.root, document, 0).flat


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ({"minimum": 1, "maxLength": 9}, {"minimum": 3, "maxLength": 4}, {"minimum": 3, "maxLength": 4}),
        ({"type": "number"}, {"type": ["integer", "string"]}, {"type": ["integer"]}),
        ({"enum": [1, True, "a"]}, {"enum": [1.0, "a"]}, {"enum": [1, "a"]}),
        ({"multipleOf": 4}, {"multipleOf": 6}, {"multipleOf": 12}),
        ({"required": ["a"]}, {"required": ["b", "a"]}, {"required": ["a", "b"]}),
        (
            {"properties": {"a": True}, "additionalProperties": False},
            {"properties": {"b": True}},
            {"properties": {"a": True, "b": False}, "additionalProperties": False},
        ),
        (
            {"patternProperties": {"^a": True}, "additionalProperties": False},
            {"properties": {"ab": {"minimum": 1}}},
            {"patternProperties": {"^a": True}, "additionalProperties": False, "properties": {"ab": {"minimum": 1}}},
        ),
        (
            {"prefixItems": [True, {"minimum": 1}]},
            {"items": {"maximum": 2}},
            {"prefixItems": [{"maximum": 2}, {"allOf": [{"minimum": 1}, {"maximum": 2}]}], "items": {"maximum": 2}},
        ),
    ],
)
def test_keywords_side_by_side_become_one(first: Any, second: Any, both: Any) -> None:
    assert folded(first, second) == both


def test_what_cannot_be_merged_is_left_to_the_judge() -> None:
    document = read({"allOf": [{"pattern": "a"}, {"pattern": "b"}, {"contains": True}, {"contains": {"minimum": 1}}]})
    terms = fold(document.root, document, 0)
    assert terms.flat == {"pattern": "a", "contains": True}
    assert terms.also == ({"pattern": "b"}, {"contains": {"minimum": 1}})


def test_choices_stay_open() -> None:
    document = read({"anyOf": [True], "allOf": [{"oneOf": [True]}, {"if": True, "then": False}, {"if": True}]})
    assert [set(choice) for choice in fold(document.root, document, 0).choices] == [
        {"oneOf"},
        {"if", "then"},
        {"anyOf"},
    ]


@pytest.mark.parametrize("parts", [[{"type": "null"}, {"type": "string"}], [{"enum": [1]}, {"enum": [2]}], [False]])
def test_parts_that_exclude_each_other_are_unsatisfiable(parts: list[Any]) -> None:
    with pytest.raises(Unsatisfiable):
        folded(*parts)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (True, False),
        ({"type": ["integer", "null"]}, {"type": ["boolean", "string", "array", "object"]}),
        ({"required": ["a"]}, {"anyOf": [{"type": ["object"], "properties": {"a": False}}]}),
        ({"anyOf": [False, {"type": ["number"]}]}, {"allOf": [True, {"type": ["null", "boolean", "string", "array", "object"]}]}),
        ({"minimum": 1}, None),
        ({"anyOf": [{"minimum": 1}]}, None),
    ],
)  # fmt: skip
def test_only_simple_schemas_are_negated_by_construction(schema: Any, expected: Any) -> None:
    assert negation(schema) == expected
