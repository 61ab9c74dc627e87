"""The notation of the message types, expression by expression."""

import pytest

from conformance.schema.notation import NotationError, Row, in_window, read_row, read_rows

ANY_REVISION = "2026-07-28"


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("string", {"type": "string"}),
        ("string(uri-template)", {"type": "string", "format": "uri-template"}),
        ("number(0..1)", {"type": "number", "minimum": 0, "maximum": 1}),
        ("integer(0..)", {"type": "integer", "minimum": 0}),
        ("integer(..-1)", {"type": "integer", "maximum": -1}),
        ("any", {}),
        ("never", {"not": {}}),
        ('"a b"', {"const": "a b"}),
        ("-32700", {"const": -32700}),
        ('"a" | "b"', {"enum": ["a", "b"]}),
        ("string | null", {"type": ["string", "null"]}),
        ("Tool", {"$ref": "#/$defs/Tool"}),
        ("Tool | null", {"anyOf": [{"$ref": "#/$defs/Tool"}, {"type": "null"}]}),
        ("Tool[]", {"type": "array", "items": {"$ref": "#/$defs/Tool"}}),
        (
            "string[..100][]",
            {"type": "array", "items": {"type": "array", "items": {"type": "string"}, "maxItems": 100}},
        ),
        ("(string | null)[]", {"type": "array", "items": {"type": ["string", "null"]}}),
        ("{}", {"type": "object"}),
        ("{*: string}", {"type": "object", "additionalProperties": {"type": "string"}}),
    ],
)
def test_an_expression_becomes_the_schema_it_stands_for(text, schema):
    assert read_row(text, ANY_REVISION) == Row(schema, optional=False)


def test_an_object_requires_the_members_that_are_not_marked():
    row = read_row('{$schema: string?, "a/b": integer, c: {d: boolean?}?}', ANY_REVISION)
    assert row == Row(
        {
            "type": "object",
            "properties": {
                "$schema": {"type": "string"},
                "a/b": {"type": "integer"},
                "c": {"type": "object", "properties": {"d": {"type": "boolean"}}},
            },
            "required": ["a/b"],
        },
        optional=False,
    )


def test_a_question_mark_makes_the_whole_row_optional():
    assert read_row("string[]?", ANY_REVISION) == Row({"type": "array", "items": {"type": "string"}}, optional=True)


@pytest.mark.parametrize(
    ("window", "inside"),
    [
        ({}, ["2024-11-05", "2025-11-25", "2026-07-28"]),
        ({"since": "2025-11-25"}, ["2025-11-25", "2026-07-28"]),
        ({"until": "2025-11-25"}, ["2024-11-05"]),
        ({"since": "2025-11-25", "until": "2026-07-28"}, ["2025-11-25"]),
    ],
)
def test_a_window_begins_with_its_first_revision_and_ends_before_its_last(window, inside):
    text = "string " + " ".join(f"{bound} {date}" for bound, date in window.items())
    revisions = ["2024-11-05", "2025-11-25", "2026-07-28"]
    assert [revision for revision in revisions if in_window(window, revision)] == inside
    assert [revision for revision in revisions if read_row(text, revision)] == inside


def test_a_member_inside_braces_has_a_window_of_its_own():
    text = "{a: string, b: string? until 2026-07-28}"
    assert read_row(text, "2026-07-28") == read_row("{a: string}", "2026-07-28")
    assert read_row(text, "2025-11-25") == read_row("{a: string, b: string?}", "2025-11-25")


def test_of_several_rows_only_those_of_the_revision_are_read():
    rows = ["string until 2026-07-28", "integer? since 2026-07-28", "null"]
    assert read_rows(rows, "2026-07-28") == [
        Row({"type": "integer"}, optional=True),
        Row({"type": "null"}, optional=False),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "string string",
        "string |",
        "(string",
        "string[",
        "string[..x]",
        "{a string}",
        "{a: string",
        "number(a..)",
        "string since",
        "string!",
        "]",
    ],
)
def test_what_the_notation_does_not_know_is_refused_with_the_row_in_the_message(text):
    with pytest.raises(NotationError) as refusal:
        read_row(text, ANY_REVISION)
    assert repr(text) in str(refusal.value)
