"""Forms that a server wants filled in."""

import pytest

from reference_impl.client.forms import filled, form_fault

COLOURS = [{"const": "#f00", "title": "Red"}, {"const": "#0f0", "title": "Green"}]


def form(required=(), **fields):
    return {"type": "object", "properties": fields, "required": list(required)}


def test_fields_that_are_left_out_take_their_defaults_and_the_others_keep_what_was_typed():
    schema = form(a={"type": "string", "default": "x"}, b={"type": "integer", "default": 1}, c={"type": "boolean"})
    assert filled(schema, {"b": 2}) == {"a": "x", "b": 2}


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ({"type": "string"}, "x", 1),
        ({"type": "boolean"}, False, "false"),
        ({"type": "integer"}, 3.0, 3.5),
        ({"type": "number"}, 3.5, True),
        ({"type": "string", "minLength": 2, "maxLength": 3}, "ab", "a"),
        ({"type": "string", "maxLength": 3}, "abc", "abcd"),
        ({"type": "number", "minimum": 1, "maximum": 2}, 1, 0.9),
        ({"type": "string", "format": "email"}, "a@b", "a.b"),
        ({"type": "string", "format": "uri"}, "mailto:a", "no address"),
        ({"type": "string", "format": "date"}, "2026-02-28", "2026-02-30"),
        ({"type": "string", "format": "date-time"}, "2026-02-28T12:00:00Z", "noon"),
        ({"type": "string", "enum": ["a", "b"]}, "a", "c"),
        ({"type": "string", "oneOf": COLOURS}, "#f00", "Red"),
        ({"type": "array", "items": {"type": "string", "enum": ["a"]}, "minItems": 1}, ["a"], []),
        ({"type": "array", "items": {"anyOf": COLOURS}}, ["#0f0", "#f00"], ["#0f0", "blue"]),
        ({"type": "array", "maxItems": 1}, ["a"], ["a", "b"]),
    ],
)
def test_a_field_is_held_to_its_schema(field, good, bad):
    assert form_fault(form(x=field), {"x": good}) is None
    assert str(form_fault(form(x=field), {"x": bad})).startswith("x ")


def test_what_is_required_has_to_be_there_and_the_rest_need_not():
    schema = form(["a"], a={"type": "string"}, b={"type": "string"})
    assert form_fault(schema, {"a": ""}) is None
    assert form_fault(schema, {"b": "x"}) == "a is required"


@pytest.mark.parametrize("schema", [None, {}, {"properties": []}, form(x=7), form(x={"type": "object"}), form(x={})])
def test_what_no_form_can_say_is_the_servers_own_business(schema):
    assert form_fault(schema, {"x": {"y": 1}}) is None
