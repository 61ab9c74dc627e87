"""What a target gets when it asks its client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loadtest.answers import ANSWERS, answers_to, asked

FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def question(**result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"resultType": "input_required", **result}}).encode()


def test_a_form_is_accepted_with_what_it_allows_and_a_page_is_not_visited() -> None:
    elicit = ANSWERS["elicitation/create"]
    assert elicit({"message": "Who?", "requestedSchema": FORM}) == {"action": "accept", "content": {"name": "a"}}
    assert elicit({"mode": "url", "url": "https://example.com/"}) == {"action": "decline"}


def test_each_question_is_answered_under_its_key_and_the_state_comes_back_as_it_was() -> None:
    requests = {
        "who": {"method": "elicitation/create", "params": {"requestedSchema": FORM}},
        "what": {"method": "sampling/createMessage", "params": {"messages": [], "maxTokens": 5}},
        "where": {"method": "roots/list"},
    }
    found = asked(question(inputRequests=requests, requestState="s"))
    assert found is not None
    further = answers_to(found)
    assert further["requestState"] == "s"
    assert further["inputResponses"].keys() == requests.keys()
    assert further["inputResponses"]["where"] == {"roots": []}
    assert further["inputResponses"]["what"]["role"] == "assistant"


def test_a_question_of_state_alone_gets_its_state_alone() -> None:
    found = asked(question(requestState="s"))
    assert found is not None
    assert answers_to(found) == {"requestState": "s"}


@pytest.mark.parametrize(
    "message", [None, b'{"result": {"text": "input_required"}}', b"input_required {", question(inputRequests=[])]
)
def test_what_is_no_question_is_none(message: bytes | None) -> None:
    assert asked(message) is None
