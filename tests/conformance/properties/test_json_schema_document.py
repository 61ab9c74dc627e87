from typing import Any

import pytest

from conformance.properties.json_schema_document import read
from conformance.properties.json_schema_model import Unsatisfiable

DRAFT_07 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    ("schema", "root"),
    [
        ({"type": "string", "title": "A", "description": "b", "$comment": "c"}, {"type": ["string"]}),
        ({"const": 1}, {"allOf": [{"enum": [1]}]}),
        ({"$schema": DRAFT_07, "items": [True], "additionalItems": False}, {"prefixItems": [True], "items": False}),
        ({"items": [True]}, {"prefixItems": [True]}),
        ({"minimum": 1, "exclusiveMinimum": True}, {"exclusiveMinimum": 1}),
        ({"maximum": 1, "exclusiveMaximum": False}, {"maximum": 1}),
        (
            {"$schema": DRAFT_07, "dependencies": {"a": ["b"], "c": False}},
            {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": False}},
        ),
        ({"patternProperties": {"a$": {"pattern": "b$"}}}, {"patternProperties": {"a\\Z": {"pattern": "b\\Z"}}}),
    ],
)
def test_every_dialect_is_read_into_one_form(schema: Any, root: Any) -> None:
    assert read(schema).root == root


def test_references_lead_into_one_table_where_cycles_are_known() -> None:
    document = read(
        {
            "properties": {"a": {"$ref": "#/$defs/leaf"}, "b": {"$ref": "#/$defs/tree"}},
            "$defs": {"leaf": {"type": "null"}, "tree": {"items": {"$ref": "#/$defs/tree"}}},
        }
    )
    assert document.definitions == {"0": {"type": ["null"]}, "1": {"items": {"$ref": "#/$defs/1"}}}
    assert document.cyclic == {"1"}


def test_the_original_judges_too_unless_its_patterns_are_not_pythons() -> None:
    assert read({"pattern": "^a$"}).native
    assert not read({"pattern": "\\p{L}"}).native
    assert [judge("1") for judge in read({"pattern": "\\p{L}"}).judges()] == [False]


def test_complaints_name_the_place() -> None:
    document = read({"properties": {"a": {"items": {"type": "null"}}}})
    assert document.complaints({"a": [None, 1]}) == [("a", 1)]
    assert document.complaints({"a": [None]}) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.com/other.json"},
        {"$ref": "#/title", "title": "no schema"},
        {"$dynamicRef": "#absent"},
        {"$schema": "https://example.com/dialect"},
        {"minLength": -1},
        "no schema",
    ],
)
def test_unusable_schemas_are_refused(schema: Any) -> None:
    with pytest.raises(Unsatisfiable):
        read(schema)


def test_a_schema_nested_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(5000):
        schema = {"not": schema}
    with pytest.raises(Unsatisfiable, match="nested too deep"):
        read(schema)
