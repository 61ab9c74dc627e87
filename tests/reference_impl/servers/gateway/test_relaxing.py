"""What is promised of answers: types, and no more."""

import pytest
from hypothesis import given, settings

from conformance.properties.json_schema import valid
from reference_impl.schemas import compile_schema
from reference_impl.servers.gateway.relaxing import relaxed

STRICT = {
    "type": "object",
    "description": "A thing",
    "required": ["id", "kind"],
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "names": {"type": "array", "items": {"type": "string", "pattern": "^a"}, "minItems": 1},
        "owner": {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/Owner"}]},
        "extra": {"type": "object", "additionalProperties": {"type": "number"}},
        "any": True,
    },
    "$defs": {"Owner": {"type": "object", "properties": {"of": {"$ref": "#/$defs/Owner"}}, "required": ["of"]}},
}


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"id": None, "kind": "new", "names": None, "more": 1},
        {"id": -1, "names": []},
        {"owner": "x"},
        {"owner": {"of": {}}},
        {"any": 5, "extra": {"a": None}},
    ],
)
def test_what_is_missing_null_or_new_fits(value):
    assert compile_schema(relaxed(STRICT))(value) is None


@pytest.mark.parametrize(
    "value", [[], None, {"id": "1"}, {"names": [1]}, {"owner": 5}, {"owner": {"of": 1}}, {"extra": {"a": "b"}}]
)
def test_another_type_does_not(value):
    assert compile_schema(relaxed(STRICT))(value) is not None


@settings(derandomize=True, deadline=None, max_examples=50)
@given(valid(STRICT))
def test_whatever_fits_the_strict_one_fits(value):
    assert compile_schema(relaxed(STRICT))(value) is None


def test_a_member_may_be_called_like_a_keyword():
    names = {"type": {"type": "string"}, "items": {"type": "integer"}, "required": {"type": "boolean"}}
    made = relaxed({"type": "object", "properties": names})
    assert set(made["properties"]) == set(names)
