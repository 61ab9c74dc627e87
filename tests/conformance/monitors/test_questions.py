"""What may be asked of whom, and in which words: odd questions that are right, and their wrong twins."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.monitors.talk import Talk, error, notification, request, result

ALL: dict[str, Any] = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}, "context": {}}, "roots": {}}


def _talk(declared: dict[str, Any] = ALL) -> Talk:
    return Talk().we(request(0, "initialize", capabilities=declared)).it(result(0))


def _form(**fields: Any) -> dict[str, Any]:
    form = {"type": "object", "properties": fields}
    return request(1, "elicitation/create", mode="form", message="Please", requestedSchema=form)


def _page(url: Any) -> dict[str, Any]:
    return request(1, "elicitation/create", mode="url", message="Please", url=url, elicitationId="a")


def test_what_was_declared_may_be_asked_for_and_a_ping_always() -> None:
    assert _talk().it(request(1, "roots/list")).outcome("questions.declared") == "passed"
    assert _talk({}).it(request(1, "roots/list")).outcome("questions.declared") == "failed"
    assert _talk({}).it(request(1, "ping")).outcome("questions.declared") == "blocked"


@pytest.mark.parametrize(
    ("modes", "outcome"), [({}, "passed"), ({"form": {}}, "passed"), ({"url": {}}, "failed"), (None, "blocked")]
)
def test_a_client_that_names_no_mode_takes_forms(modes: Any, outcome: str) -> None:
    assert _talk({"elicitation": modes}).it(_form()).outcome("elicitation.mode") == outcome


@pytest.mark.parametrize("name", ["dbPassword", "api_key", "API-Key", "client secret", "cardNumber", "cvc"])
def test_a_field_for_a_secret_is_wrong(name: str) -> None:
    assert _talk().it(_form(**{name: {"type": "string"}})).outcome("elicitation.secrets") == "failed"


@pytest.mark.parametrize("name", ["password_hint", "token", "pin", "secretSanta", "keyword", "passwordless"])
def test_a_field_that_only_sounds_like_one_is_fine(name: str) -> None:
    assert _talk().it(_form(**{name: {"type": "string"}})).outcome("elicitation.secrets") == "passed"


def test_whether_there_is_a_password_may_be_asked() -> None:
    fields = {"changePassword": {"type": "boolean"}, "secret": {"type": "string", "enum": ["keep", "drop"]}}
    assert _talk().it(_form(**fields)).outcome("elicitation.secrets") == "passed"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("Visit https://a.example/ and copy the code", "failed"),
        ("Click here: http://a.example/", "failed"),
        ("The address of your repository, such as https://a.example/me/it", "passed"),
        ("An https:// address", "passed"),
    ],
)
def test_a_link_to_follow_is_wrong_and_one_that_shows_what_to_type_is_not(text: str, outcome: str) -> None:
    assert _talk().it(_form(a={"type": "string", "description": text})).outcome("elicitation.links") == outcome


@pytest.mark.parametrize(
    "url", ["https://a.example/x?y=z", "http://localhost:3000/", "myapp://login", "https://[::1]/"]
)
def test_addresses_that_are_absolute_and_safe_are_fine(url: str) -> None:
    talk = _talk().it(_page(url))
    outcomes = {talk.outcome(name) for name in ("elicitation.url", "elicitation.url-https", "elicitation.url-private")}
    assert outcomes == {"passed"}


@pytest.mark.parametrize(
    ("url", "monitor"),
    [
        ("/login", "elicitation.url"),
        ("https://", "elicitation.url"),
        ("https://a.example/ x", "elicitation.url"),
        ("http://a.example/", "elicitation.url-https"),
        ("https://me:pass@a.example/", "elicitation.url-private"),
    ],
)
def test_other_addresses_are_not(url: str, monitor: str) -> None:
    assert _talk().it(_page(url)).outcome(monitor) == "failed"


def test_an_address_of_mail_that_was_given_does_not_come_back_in_a_url() -> None:
    given = _talk().it(_form(mail={"type": "string"})).we(result(1, action="accept", content={"mail": "me@a.example"}))
    wrong = given.it(_page("https://a.example/?who=me%40a.example") | {"id": 2})
    assert wrong.outcome("elicitation.url-private") == "failed"


def test_an_error_for_pages_is_judged_by_its_code_its_list_and_its_client() -> None:
    page = {"mode": "url", "message": "m", "url": "https://a.example/", "elicitationId": "a"}
    good = error(1, -32042)
    good["error"]["data"] = {"elicitations": [page]}
    called = request(1, "tools/call", name="x")
    assert _talk().we(called).it(good).outcome("elicitation.required") == "passed"
    assert _talk({}).we(called).it(good).outcome("elicitation.required") == "failed"
    assert _talk().we(called).it(error(1, -32042)).outcome("elicitation.required") == "failed"
    assert _talk().we(called).it(error(1, -32000)).outcome("elicitation.required") == "blocked"


def test_word_of_a_page_names_one_that_was_asked_for() -> None:
    asked = _talk().it(_page("https://a.example/"))
    assert asked.it(notification("elicitation/complete", elicitationId="a")).outcome("elicitation.complete") == "passed"
    assert asked.it(notification("elicitation/complete", elicitationId="b")).outcome("elicitation.complete") == "failed"


USE = {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "a", "input": {}}]}
RESULT = {"type": "tool_result", "toolUseId": "1", "content": []}


@pytest.mark.parametrize(
    ("messages", "outcome"),
    [
        ([USE, {"role": "user", "content": RESULT}], "passed"),
        ([USE, {"role": "user", "content": [RESULT, {"type": "text", "text": "x"}]}], "failed"),
        ([USE, {"role": "user", "content": {"type": "text", "text": "x"}}], "failed"),
        ([USE], "failed"),
        ([{"role": "user", "content": {"type": "text", "text": "x"}}], "passed"),
    ],
)
def test_each_use_of_a_tool_has_its_result_in_the_next_message(messages: list[Any], outcome: str) -> None:
    asked = request(1, "sampling/createMessage", messages=messages, maxTokens=1)
    assert _talk().it(asked).outcome("sampling.tool-results") == outcome


def test_a_question_is_taken_back_only_while_its_answer_may_be_on_its_way() -> None:
    taken_back = notification("cancelled", requestId=1)
    answered = _talk().it(request(1, "roots/list")).we(result(1, roots=[]))
    assert answered.it(taken_back).outcome("cancellation.answered") == "passed"
    settled = _talk().it(request(1, "roots/list")).we(result(1, roots=[])).we(request(5)).it(result(5))
    assert settled.it(taken_back).outcome("cancellation.answered") == "failed"
