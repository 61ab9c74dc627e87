"""The judge's face: documents, definitions, messages by method, violations."""

import pytest

from conformance import schema
from conformance.schema import Message, definitions, document, has_revision, messages, ranked, violations

from .official import REVISIONS, official

OLD, NEW = "2025-11-25", "2026-07-28"
EXTENSION_METHODS = {"tasks/get", "tasks/update", "tasks/cancel", "notifications/tasks"}


def test_all_published_revisions_are_transcribed():
    assert all(map(has_revision, REVISIONS))
    assert not any(map(has_revision, ("2023-01-01", "draft", "")))


@pytest.mark.parametrize(
    "question", [document, definitions, messages, lambda revision: violations(revision, "Tool", {})]
)
def test_a_revision_that_is_not_transcribed_is_refused(question):
    with pytest.raises(LookupError, match="1999-12-31"):
        question("1999-12-31")


def test_a_definition_of_another_revision_is_refused():
    with pytest.raises(LookupError, match="InitializeRequest"):
        violations(NEW, "InitializeRequest", {})


def test_a_document_is_the_callers_own():
    document(NEW)["$defs"].clear()
    assert document(NEW)["$defs"].keys() == definitions(NEW)


def _nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def test_a_deep_value_conforms_where_anything_does():
    assert (
        violations(OLD, "JSONRPCRequest", {"jsonrpc": "2.0", "id": 1, "method": "x", "params": {"a": _nested(9999)}})
        == []
    )


def test_a_deep_value_in_the_wrong_place_is_a_violation_all_the_same():
    assert (
        len(violations(OLD, "JSONRPCRequest", {"jsonrpc": "2.0", "id": 1, "method": "x", "params": _nested(9999)})) == 1
    )


def test_every_public_name_is_still_itself_after_the_tables_are_read():
    document(NEW)
    assert [name for name in schema.__all__ if not callable(getattr(schema, name))] == []


def test_a_request_knows_what_may_answer_it():
    assert messages(OLD)["tools/call"] == Message("CallToolRequest", ("CallToolResult", "CreateTaskResult"))
    assert messages(NEW)["tools/call"] == Message(
        "CallToolRequest", ("CallToolResult", "CreateTaskResult", "InputRequiredResult")
    )
    assert messages(OLD)["ping"] == Message("PingRequest", ("EmptyResult",))
    assert "ping" not in messages(NEW)


@pytest.mark.parametrize("revision", REVISIONS)
def test_requests_have_answers_and_notifications_have_none(revision):
    for method, message in messages(revision).items():
        assert bool(message.results) == message.definition.endswith("Request"), method
        assert definitions(revision).issuperset(message.results)


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_method_of_the_official_schema_is_known(revision):
    members = [schema.get("properties", {}) for schema in official(revision).values()]
    named = {part["method"]["const"] for part in members if "const" in part.get("method", {})}
    assert messages(revision).keys() - named == (EXTENSION_METHODS if revision == NEW else set())
    assert named <= messages(revision).keys()


def test_the_answers_are_those_of_the_typed_responses():
    typed = official(NEW)
    for message in messages(NEW).values():
        response = typed.get(message.definition.removesuffix("Request") + "ResultResponse")
        if response is not None:
            result = response["properties"]["result"]
            named = {part["$ref"].rpartition("/")[2] for part in result.get("anyOf", [result])}
            assert named == set(message.results) - {"CreateTaskResult"}  # that is the extension's


@pytest.mark.parametrize(
    ("value", "first"),
    [
        ({"content": [{"type": "txt"}, {"type": "txt"}, 5]}, "CallToolResult"),
        ({"resultType": "complete", "contents": []}, "CallToolResult"),
        ({"resultType": "task", "taskId": 5, "status": "working", "createdAt": ""}, "CreateTaskResult"),
        ({}, "CallToolResult"),
    ],
)
def test_of_several_types_that_comes_first_which_a_value_was_meant_for(value, first):
    names = messages(NEW)["tools/call"].results
    found = ranked(NEW, names, value)
    assert (found[0][0], {name for name, _ in found}) == (first, set(names))
    assert found[0][1] == violations(NEW, first, value)


def test_a_type_that_a_value_conforms_to_is_all_that_is_told():
    assert ranked(OLD, ("CreateTaskResult", "CallToolResult"), {"content": []}) == [("CallToolResult", [])]
    assert ranked(OLD, (), {}) == []
