"""What a handler may ask of a client, and what it hears where it asks otherwise."""

from __future__ import annotations

import pytest

from reference_impl.protocol.revisions import R2025_06_18, R2025_11_25
from reference_impl.server.questions import check_form, check_messages, check_url

CHOICE = {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}


def form(field):
    return {"type": "object", "properties": {"x": field}}


@pytest.mark.parametrize("kind", ["string", "number", "integer", "boolean"])
def test_a_form_has_plain_fields(kind):
    check_form(form({"type": kind}), R2025_06_18)


def test_a_choice_of_several_came_with_2025_11_25():
    check_form(form(CHOICE), R2025_11_25)
    with pytest.raises(ValueError, match="field x"):
        check_form(form(CHOICE), R2025_06_18)


@pytest.mark.parametrize(
    "schema",
    [{}, {"type": "object"}, {"type": "string"}, form({"type": "object"}), form({"type": "array"}), form(None)],
)
def test_what_is_no_form_is_refused(schema):
    with pytest.raises(ValueError, match="form"):
        check_form(schema, R2025_11_25)


@pytest.mark.parametrize("url", ["https://example.com/a?b", "http://localhost:8000/", "http://127.0.0.1/x"])
def test_a_page_is_visited_over_tls_or_at_home(url):
    check_url(url)


@pytest.mark.parametrize(
    "url", ["", "example.com", "http://example.com", "javascript:alert(1)", "file:///etc", "https://u:p@example.com"]
)
def test_other_pages_are_refused(url):
    with pytest.raises(ValueError, match="page to visit"):
        check_url(url)


def said(role, *content):
    return {"role": role, "content": list(content)}


TEXT = {"type": "text", "text": "x"}
USE = {"type": "tool_use", "id": "1", "name": "t", "input": {}}
RESULT = {"type": "tool_result", "toolUseId": "1", "content": []}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "user", "content": TEXT}],
        [said("user", TEXT), said("assistant", TEXT, USE), said("user", RESULT)],
    ],
)
def test_a_balanced_conversation_may_be_sampled(messages):
    check_messages(messages)


@pytest.mark.parametrize(
    "messages",
    [
        [said("assistant", USE)],
        [said("user", RESULT)],
        [said("assistant", USE), said("user", TEXT)],
        [said("assistant", USE), said("user", RESULT, TEXT)],
        [said("assistant", USE), said("assistant", RESULT)],
        [said("user", USE), said("user", RESULT)],
        [said("assistant", USE, USE | {"id": "2"}), said("user", RESULT)],
    ],
)
def test_a_conversation_whose_tools_are_left_without_results_may_not(messages):
    with pytest.raises(ValueError, match="tool"):
        check_messages(messages)
