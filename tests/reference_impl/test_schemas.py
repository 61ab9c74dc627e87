"""Judging values by JSON Schema, with either of the two validators."""

import pytest

from reference_impl import schemas
from reference_impl.schemas import SchemaError, compile_schema

BOTH = pytest.mark.parametrize("compiler", [schemas._compile_rust, schemas._compile_python])
TUPLE = {"prefixItems": [{"type": "integer"}], "items": False}
TUPLE_07 = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "items": [{"type": "integer"}],
    "additionalItems": False,
}


@BOTH
@pytest.mark.parametrize(
    "schema", [TUPLE, TUPLE_07, TUPLE | {"$schema": "https://json-schema.org/draft/2020-12/schema"}]
)
def test_a_schema_is_read_in_its_dialect(compiler, schema):
    judge = compiler(schema)
    assert judge([1]) is None
    assert judge(["x"]) is not None
    assert judge([1, 2]) is not None


@BOTH
def test_what_is_wrong_is_told_with_its_place(compiler):
    judge = compiler({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}})
    assert judge({"a": [1, "x"]}).startswith("a[1]: ")
    assert judge(7).startswith("7 is not of type")


@BOTH
@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"minLength": "x"}, {"$schema": "http://example.com/none"}])
def test_what_is_no_schema_is_refused(compiler, schema):
    with pytest.raises(SchemaError):
        compiler(schema)


@BOTH
@pytest.mark.parametrize("reference", ["http://127.0.0.1:9/s", "https://example.com/s", "file:///etc/passwd"])
def test_nothing_is_ever_fetched_and_nothing_passes_unjudged(compiler, reference):
    try:
        judge = compiler({"properties": {"a": {"$ref": reference}}})
    except SchemaError:
        return
    assert judge({"a": 1}) is not None


@BOTH
def test_references_within_a_schema_are_followed(compiler):
    judge = compiler({"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}})
    assert judge({"a": 1}) is None
    assert judge({"a": "x"}) is not None


def test_the_fast_one_is_taken_where_it_is_installed():
    assert compile_schema({}).__qualname__.startswith("_compile_rust")
