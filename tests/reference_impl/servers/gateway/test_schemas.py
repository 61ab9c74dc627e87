"""Schemas of a document as JSON Schema 2020-12."""

import pytest

from reference_impl.schemas import compile_schema
from reference_impl.servers.gateway.document import Document, DocumentError
from reference_impl.servers.gateway.schemas import translated


def read(schema, direction="request", version="3.1", **schemas):
    whole = Document({"components": {"schemas": schemas}}, version, "test")
    return translated(whole, direction, lambda translate: translate(schema))


def ref(name):
    return {"$ref": f"#/components/schemas/{name}"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": False}, {"type": "string"}),
        ({"type": "string", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"nullable": True}, {}),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, {"type": "integer", "exclusiveMinimum": 1}),
        ({"type": "integer", "maximum": 1, "exclusiveMaximum": False}, {"type": "integer", "maximum": 1}),
        ({"type": "string", "example": "x"}, {"type": "string", "examples": ["x"]}),
        ({"allOf": [ref("A")], "nullable": True}, {"anyOf": [{"allOf": [{"type": "integer"}]}, {"type": "null"}]}),
        (ref("A") | {"nullable": True}, {"type": ["integer", "null"]}),
        (ref("A") | {"description": "ignored"}, {"type": "integer"}),
        ({"type": "object", "xml": {}, "discriminator": {}, "x-mcp-header": "Host"}, {"type": "object"}),
    ],
)
def test_the_dialect_of_3_0_is_translated(old, new):
    assert read(old, version="3.0", A={"type": "integer"}) == new


def test_what_stands_beside_a_reference_counts_from_3_1_on():
    assert read(ref("A") | {"description": "told"}, A={"type": "integer"}) == {"type": "integer", "description": "told"}
    beside = read(ref("A") | {"minimum": 3}, A={"type": "integer", "minimum": 1})
    assert beside == {"allOf": [{"type": "integer", "minimum": 1}], "minimum": 3}


def test_references_are_written_out_and_trees_go_to_defs():
    node = {"type": "object", "properties": {"children": {"type": "array", "items": ref("Node")}, "name": ref("Name")}}
    schema = read({"type": "object", "properties": {"root": ref("Node")}}, Node=node, Name={"type": "string"})
    assert schema["properties"]["root"] == {"$ref": "#/$defs/Node"}
    assert schema["$defs"]["Node"]["properties"] == {
        "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        "name": {"type": "string"},
    }
    judge = compile_schema(schema)
    assert judge({"root": {"children": [{"name": "x", "children": []}]}}) is None
    assert judge({"root": {"children": [{"name": 1}]}}) is not None


def test_two_that_need_each_other_are_both_found():
    one = {"type": "object", "properties": {"two": ref("Two")}}
    two = {"type": "object", "properties": {"one": ref("One")}}
    schema = read({"type": "array", "items": ref("One")}, One=one, Two=two)
    judge = compile_schema(schema)
    assert judge([{"two": {"one": {"two": {}}}}]) is None
    assert judge([{"two": {"one": 1}}]) is not None


def test_references_that_double_at_every_step_do_not_explode():
    schemas = {f"S{number}": {"type": "array", "prefixItems": [ref(f"S{number + 1}")] * 2} for number in range(40)}
    schema = read(ref("S0"), **schemas, S40={"type": "string"})
    assert schema["$ref"] == "#/$defs/S0"
    assert len(schema["$defs"]) == 41


def test_a_circle_of_nothing_but_references_is_no_schema():
    with pytest.raises(DocumentError, match="refers in a circle"):
        read({"type": "object", "properties": {"a": ref("A")}}, A=ref("B"), B=ref("A"))


@pytest.mark.parametrize(
    "bad", ["other.json#/A", "http://evil.example/a.json", "#/components/schemas/Nowhere", "#anchor", 5]
)
def test_references_elsewhere_are_refused_and_never_fetched(bad):
    with pytest.raises(DocumentError):
        read({"$ref": bad})


def test_members_that_only_answers_have_are_not_asked_for_and_the_other_way_round():
    schema = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "readOnly": True},
            "password": ref("Secret"),
            "name": {"type": "string"},
        },
        "required": ["id", "password"],
    }
    secret = {"type": "string", "writeOnly": True}
    assert set(read(schema, "request", Secret=secret)["properties"]) == {"password", "name"}
    assert read(schema, "request", Secret=secret)["required"] == ["password"]
    assert set(read(schema, "response", Secret=secret)["properties"]) == {"id", "name"}
    assert read(schema, "response", Secret=secret)["required"] == ["id"]


def test_what_people_cannot_see_does_not_reach_a_model():
    hidden = "Fine\u200b\u202e\U000e0041\U000e0042 text"
    schema = read({"type": "string", "description": hidden})
    assert schema["description"] == "Fine text"


@pytest.mark.parametrize("bad", [[], "string", {"properties": []}, {"allOf": {}}, {"$dynamicRef": "#x"}, {"items": 5}])
def test_what_is_no_schema_is_refused(bad):
    with pytest.raises(DocumentError):
        read(bad)


def test_members_are_kept_whatever_their_names():
    names = {"nullable": {"type": "string"}, "$ref": {"type": "string"}, "pattern": {"type": "string"}}
    assert read({"type": "object", "properties": names}, version="3.0")["properties"] == names
