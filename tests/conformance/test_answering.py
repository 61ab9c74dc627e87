"""What we say when we are asked: what fits, and to which task it belongs."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.answering import answer_to, related_to, with_relation
from reference_impl.protocol.tasks import RELATED_TASK

FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
NAMED = {RELATED_TASK: {"taskId": "one"}}


def test_a_form_is_filled_with_what_fits_it() -> None:
    answer = answer_to({"method": "elicitation/create", "params": {"message": "?", "requestedSchema": FORM}})
    assert answer is not None
    assert answer["action"] == "accept"
    assert isinstance(answer["content"]["name"], str)


@pytest.mark.parametrize("params", [None, {}, {"mode": "url"}, {"requestedSchema": {"type": "string"}}])
def test_what_cannot_be_filled_in_is_declined(params: Any) -> None:
    assert answer_to({"method": "elicitation/create", "params": params}) == {"action": "decline"}


def test_a_sample_has_a_role_and_content_and_other_methods_have_no_answer() -> None:
    sample = answer_to({"method": "sampling/createMessage", "params": {}})
    assert sample is not None
    assert sample["role"] == "assistant"
    assert answer_to({"method": "roots/list"}) == {"roots": []}
    assert answer_to({"method": "tools/call"}) is None


def test_an_answer_names_the_task_that_its_question_names() -> None:
    question = {"method": "elicitation/create", "params": {"_meta": NAMED}}
    assert related_to(question) == {"taskId": "one"}
    assert with_relation({"action": "decline"}, question) == {"action": "decline", "_meta": NAMED}
    assert with_relation({"action": "decline"}, {"params": {}}) == {"action": "decline"}
