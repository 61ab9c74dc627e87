"""From tables of types to the document of a revision."""

import pytest
from jsonschema import Draft202012Validator

from conformance.schema.compile import REVISIONS, answers, compiled, expanded, references, tables
from conformance.schema.notation import NotationError

OLD, NEW = "2025-11-25", "2026-07-28"


def _definition(source, name, revision=NEW):
    return compiled(revision, source)["$defs"][name]


def test_a_type_is_there_only_inside_its_window():
    source = {"Old": {"until": NEW}, "New": {"since": NEW}, "Both": {}}
    assert compiled(OLD, source)["$defs"].keys() == {"Old", "Both"}
    assert compiled(NEW, source)["$defs"].keys() == {"New", "Both"}


def test_a_member_takes_the_row_of_the_revision():
    source = {"A": {"x": ["string? until 2026-07-28", "integer since 2026-07-28"]}}
    assert _definition(source, "A", OLD) == {"type": "object", "properties": {"x": {"type": "string"}}}
    assert _definition(source, "A", NEW) == {
        "type": "object",
        "properties": {"x": {"type": "integer"}},
        "required": ["x"],
    }


def test_a_type_like_others_has_their_members_and_replaces_some():
    source = {
        "group": {"x": "string", "y": "string"},
        "A": {"like": ["group", "B until 2026-07-28"], "y": "integer?"},
        "B": {"z": "null"},
    }
    assert _definition(source, "A", NEW) == _definition({"A": {"x": "string", "y": "integer?"}}, "A")
    assert _definition(source, "A", OLD) == _definition({"A": {"x": "string", "y": "integer?", "z": "null"}}, "A")


def test_a_lower_case_group_is_no_definition():
    assert compiled(NEW, {"group": {"x": "string"}})["$defs"] == {}


def test_a_union_has_the_alternatives_of_the_revision():
    source = {"A": {"any": ["B until 2026-07-28", "C", "D"]}, "B": {}, "C": {}, "D": {}}
    assert list(references(_definition(source, "A", OLD))) == ["B", "C", "D"]
    assert list(references(_definition(source, "A", NEW))) == ["C", "D"]


def test_some_demands_one_of_the_optional_members():
    judge = Draft202012Validator(_definition({"A": {"some": ["x", "y"], "x": "any?", "y": "any?"}}, "A"))
    assert [judge.is_valid(value) for value in ({}, {"x": 1}, {"y": 1}, {"x": 1, "y": 1})] == [False, True, True, True]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ({"A": {"x": "Missing"}}, "A names Missing"),
        ({"A": {"x": "Old"}, "Old": {"until": NEW}}, "A names Old"),
        ({"A": {"like": ["Missing"]}}, "Missing"),
        ({"A": {"like": ["Old"]}, "Old": {"until": NEW}}, "Old"),
        ({"A": {"x": ["string", "integer since 2026-07-28"]}}, "A.x has 2 rows"),
        ({"A": {"is": "string until 2026-07-28"}}, "A is nothing"),
    ],
)
def test_a_source_that_contradicts_itself_is_refused(source, complaint):
    with pytest.raises(NotationError, match=complaint):
        compiled(NEW, source)


def test_answers_are_those_of_the_revision():
    source = {"Ask": {"answer": ["A", "B until 2026-07-28"]}, "Old": {"until": NEW, "answer": ["A"]}, "A": {}, "B": {}}
    assert answers(OLD, source) == {"Ask": ("A", "B"), "Old": ("A",)}
    assert answers(NEW, source) == {"Ask": ("A",)}


def test_expansion_leaves_no_reference_and_shares_what_is_named_twice():
    definitions = compiled(NEW, {"A": {"x": "B", "y": "B[]?"}, "B": {"z": "C"}, "C": {"is": "string"}})["$defs"]
    whole = expanded(definitions)
    assert references(whole) == []
    assert whole["A"]["properties"]["x"] is whole["A"]["properties"]["y"]["items"]
    assert whole["A"]["properties"]["x"] == {
        "type": "object",
        "properties": {"z": {"type": "string"}},
        "required": ["z"],
    }


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_revision_compiles_to_a_valid_schema(revision):
    Draft202012Validator.check_schema(compiled(revision, tables()))


def test_every_window_begins_or_ends_with_a_known_revision():
    bounds = {table[bound] for table in tables().values() for bound in ("since", "until") if bound in table}
    assert bounds <= set(REVISIONS)
