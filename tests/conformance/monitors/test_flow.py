"""Who may send what, and when."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.monitors.talk import LEGACY, MODERN, Talk, notification, request, result

_LOG_LEVEL = "io.modelcontextprotocol/logLevel"
_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"


def test_only_modern_servers_must_not_ask() -> None:
    assert Talk(MODERN).it(request("a", "ping")).outcome("flow.server-requests") == "failed"
    assert Talk().it(request("a", "ping")).outcome("flow.server-requests") == "blocked"


def test_a_ping_may_come_before_the_client_is_initialized() -> None:
    early = Talk().we(request(1, "initialize"))
    assert early.it(request("a", "ping")).it(result(1)).outcome("flow.before-initialized") == "passed"
    assert early.it(request("b", "roots/list")).outcome("flow.before-initialized") == "failed"


def test_what_comes_after_initialized_is_no_concern_of_its_monitor() -> None:
    talk = Talk().we(request(1, "initialize")).it(result(1)).we(notification("initialized"))
    assert talk.it(request("b", "roots/list")).outcome("flow.before-initialized") == "passed"


@pytest.mark.parametrize(
    ("revision", "message", "outcome"),
    [
        (LEGACY, notification("tools/list_changed"), "passed"),
        (LEGACY, notification("com.example/own"), "passed"),
        (LEGACY, notification("roots/list_changed"), "failed"),
        (LEGACY, notification("subscriptions/acknowledged"), "failed"),
        (MODERN, notification("elicitation/complete"), "failed"),
        (LEGACY, request("a", "elicitation/create"), "passed"),
        ("2024-11-05", request("a", "elicitation/create"), "failed"),
        (LEGACY, request("a", "tools/list"), "failed"),
    ],
)
def test_methods_have_a_direction_and_a_time(revision: str, message: dict[str, Any], outcome: str) -> None:
    assert Talk(revision).it(message).outcome("flow.known-methods") == outcome


def test_a_modern_server_cancels_subscriptions_only() -> None:
    talk = Talk(MODERN).we(request(1, "subscriptions/listen")).we(request(2, "tools/call"))
    assert talk.it(notification("cancelled", requestId=1)).outcome("flow.cancellation-target") == "passed"
    assert talk.it(notification("cancelled", requestId=2)).outcome("flow.cancellation-target") == "failed"


def test_a_legacy_server_cancels_its_own_requests_only() -> None:
    talk = Talk().it(request("a", "ping")).it(notification("cancelled", requestId="a"))
    assert talk.outcome("flow.cancellation-target") == "passed"
    assert talk.it(notification("cancelled", requestId=1)).outcome("flow.cancellation-target") == "failed"


def test_logs_follow_a_request_that_asked_for_them() -> None:
    asking = request(1, "tools/call", _meta={_LOG_LEVEL: "info"})
    assert Talk(MODERN).we(asking).it(notification("message")).outcome("flow.log-asked") == "passed"
    assert Talk(MODERN).we(request(1)).it(notification("message")).outcome("flow.log-asked") == "failed"


def test_an_extension_may_have_result_types_of_its_own() -> None:
    talk = Talk(MODERN).we(request(1)).it(result(1, resultType="task"))
    assert talk.outcome("flow.result-type") == "failed"
    talk.conversation.capabilities = {"extensions": {"io.modelcontextprotocol/tasks": {}}}
    assert talk.outcome("flow.result-type") == "passed"


def test_questions_answer_calls_prompts_and_reads_only() -> None:
    asked = result(1, resultType="input_required")
    assert Talk(MODERN).we(request(1, "tools/call")).it(asked).outcome("flow.input-required") == "passed"
    assert Talk(MODERN).we(request(1, "tools/list")).it(asked).outcome("flow.input-required") == "failed"


def test_questions_need_the_capability_that_the_request_declared() -> None:
    asked = result(1, resultType="input_required", inputRequests={"a": {"method": "roots/list"}})
    able = request(1, "tools/call", _meta={_CAPABILITIES: {"roots": {}}})
    assert Talk(MODERN).we(able).it(asked).outcome("flow.input-capabilities") == "passed"
    assert Talk(MODERN).we(request(1, "tools/call")).it(asked).outcome("flow.input-capabilities") == "failed"
