"""Which tools a client of Streamable HTTP leaves out."""

import pytest

from reference_impl.client.tool_headers import argument_fault, schema_fault


def of(**properties):
    return {"type": "object", "properties": properties}


def mirrored(name="Region", kind="string"):
    return {"type": kind, "x-mcp-header": name}


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        True,
        of(),
        of(a=mirrored()),
        of(a=mirrored(), b=mirrored("Zone", "integer"), c=mirrored("Dry", "boolean")),
        of(a=of(b=of(c=mirrored()))),
        of(a=mirrored(kind=["string", "null"])),
        of(**{"x-mcp-header": {"type": "number"}}),  # a property of that name is no annotation
        of(a={"type": "string", "default": {"x-mcp-header": ""}}),  # an instance is no schema
        of(a={"enum": [{"x-mcp-header": 1}]}),
    ],
)
def test_schemas_without_a_fault(schema):
    assert schema_fault(schema) is None


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nX: y", "\u00e4", None, 7, "(x)"])
def test_a_name_that_is_no_header_name(name):
    assert "not a header name" in schema_fault(of(a=mirrored(name)))


@pytest.mark.parametrize("kind", ["number", "object", "array", "null", None, [], ["string", "number"]])
def test_a_parameter_that_is_not_primitive(kind):
    assert "no string, integer or boolean" in schema_fault(of(a=mirrored(kind=kind)))


def test_a_name_used_twice_in_any_case():
    assert "twice" in schema_fault(of(a=mirrored("Region"), b=of(c=mirrored("rEGION"))))


@pytest.mark.parametrize(
    "schema",
    [
        mirrored(),
        of(a={"type": "array", "items": mirrored()}),
        of(a={"type": "array", "items": of(b=mirrored())}),
        {"oneOf": [of(a=mirrored())]},
        {"anyOf": [of(a=mirrored())]},
        {"allOf": [of(a=mirrored())]},
        {"not": of(a=mirrored())},
        {"if": of(a=mirrored())},
        {"$defs": {"x": mirrored()}},
        {"patternProperties": {"^a": mirrored()}},
        {"additionalProperties": mirrored()},
        of(a={"properties": {"b": {"anyOf": [mirrored()]}}}),
    ],
)
def test_a_place_that_properties_alone_do_not_lead_to(schema):
    assert "through properties alone" in schema_fault(schema)


def test_a_schema_of_any_depth_is_walked():
    schema = mirrored()
    for _ in range(5000):
        schema = of(a=schema)
    assert schema_fault(schema) is None


@pytest.mark.parametrize(
    ("value", "fine"), [(2**53 - 1, True), (2**53, False), (-(2**53), False), (True, True), ("9", True)]
)
def test_integers_have_to_be_exact_as_doubles(value, fine):
    assert (argument_fault(value) is None) is fine
