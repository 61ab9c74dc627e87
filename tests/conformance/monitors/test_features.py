"""Logging, completion, subscriptions and questions, as their monitors judge them."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.transcript import Direction, HttpHead
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, SUBSCRIPTION_ID
from tests.conformance.monitors.talk import MODERN, Talk, notification, request, result


def _changed(identifier: Any, kind: str = "tools") -> dict[str, Any]:
    return notification(f"{kind}/list_changed", _meta={SUBSCRIPTION_ID: identifier})


def test_who_logs_declares_it() -> None:
    talk = Talk().it(notification("message", level="info", data=1))
    assert talk.outcome("logging.declared") == "blocked"
    talk.conversation.capabilities = {"tools": {}}
    assert talk.outcome("logging.declared") == "failed"
    talk.conversation.capabilities = {"logging": {}}
    assert talk.outcome("logging.declared") == "passed"


@pytest.mark.parametrize(("count", "outcome"), [(100, "passed"), (101, "failed")])
def test_a_hundred_values_are_enough(count: int, outcome: str) -> None:
    answer = result(1, completion={"values": ["a"] * count})
    assert Talk().we(request(1, "completion/complete")).it(answer).outcome("completion.limit") == outcome


def test_a_subscription_brings_what_its_filter_names() -> None:
    talk = Talk(MODERN).we(request(7, "subscriptions/listen", notifications={"toolsListChanged": True}))
    assert talk.it(_changed(7)).outcome("subscriptions.only-asked") == "passed"
    assert talk.it(_changed(7, "prompts")).outcome("subscriptions.only-asked") == "failed"


@pytest.mark.parametrize(("identifier", "outcome"), [(7, "passed"), ("7", "failed"), (8, "failed"), (None, "failed")])
def test_a_notice_names_its_subscription_by_value_and_type(identifier: Any, outcome: str) -> None:
    talk = Talk(MODERN).we(request(7, "subscriptions/listen", notifications={"toolsListChanged": True}))
    assert talk.it(_changed(identifier)).outcome("subscriptions.marked") == outcome


def test_legacy_notices_belong_to_no_subscription() -> None:
    assert Talk().it(notification("tools/list_changed")).outcome("subscriptions.marked") == "blocked"


@pytest.mark.parametrize(
    ("question", "outcome"),
    [
        ({"method": "elicitation/create", "params": {}}, "passed"),
        ({"method": "roots/list"}, "passed"),
        ({"method": "ping"}, "failed"),
        ({"method": "roots/list", "id": 1}, "failed"),
        ("roots/list", "failed"),
    ],
)
def test_questions_are_for_elicitation_sampling_or_roots(question: Any, outcome: str) -> None:
    answer = result(1, resultType="input_required", inputRequests={"one": question})
    assert Talk(MODERN).we(request(1, "tools/call")).it(answer).outcome("mrtr.requests") == outcome


@pytest.mark.parametrize(
    ("declared", "data", "outcome"),
    [
        ({}, {"requiredCapabilities": {"elicitation": {}}}, "passed"),
        ({"elicitation": {"form": {}}}, {"requiredCapabilities": {"elicitation": {"url": {}}}}, "passed"),
        ({"elicitation": {}}, {"requiredCapabilities": {"elicitation": {}}}, "failed"),
        ({}, {"requiredCapabilities": {}}, "failed"),
        ({}, {"required": ["elicitation"]}, "failed"),
        ({}, None, "failed"),
    ],
)
def test_a_missing_capability_is_named(declared: Any, data: Any, outcome: str) -> None:
    asked = request(1, "tools/call", _meta={CLIENT_CAPABILITIES: declared})
    answer = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32021, "message": "no", "data": data}}
    assert Talk(MODERN).we(asked).it(answer).outcome("mrtr.missing-capability") == outcome


def test_credentials_of_a_request_stand_in_no_log_message() -> None:
    secret = "a-token-of-nobody-at-all"
    head = HttpHead("POST /mcp HTTP/1.1", (("authorization", f"Bearer {secret}"),))
    talk = Talk().it(notification("message", level="info", data=secret))
    assert talk.outcome("logging.secrets") == "blocked"
    talk.conversation.record(Direction.SENT, b"", head=head)
    judged = talk.judged("logging.secrets")
    assert judged.mismatch is not None
    assert secret not in judged.mismatch.actual


def test_who_tells_of_changes_declares_it() -> None:
    talk = Talk().it(notification("prompts/list_changed"))
    for declared, outcome in (({}, "failed"), ({"listChanged": False}, "failed"), ({"listChanged": True}, "passed")):
        talk.conversation.capabilities = {"prompts": declared}
        assert talk.outcome("capabilities.changes-declared") == outcome
