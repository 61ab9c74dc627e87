"""Tasks of 2026-07-28, judged by what was said of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.monitors.talk import MODERN, Talk, request, result

EXTENSION = "io.modelcontextprotocol/tasks"
DECLARED = {"io.modelcontextprotocol/clientCapabilities": {"extensions": {EXTENSION: {}}}}
QUESTION = {"method": "elicitation/create", "params": {"message": "Sure?", "requestedSchema": {"type": "object"}}}


def _look(talk: Talk, identifier: int, status: str, **members: Any) -> Talk:
    told = result(identifier, **({"resultType": "complete", "taskId": "one", "status": status} | members))
    return talk.we(request(identifier, "tasks/get", taskId="one", _meta=DECLARED)).it(told)


def _called(kind: str, meta: dict[str, Any]) -> Talk:
    made = result(1, resultType=kind, taskId="one", status="working")
    return Talk(MODERN).we(request(1, "tools/call", _meta=meta)).it(made)


def test_a_new_task_has_a_type_of_its_own() -> None:
    assert _called("task", DECLARED).outcome("tasks.extension.types") == "passed"
    assert _called("complete", DECLARED).outcome("tasks.extension.types") == "failed"


def test_a_look_at_a_task_is_no_task() -> None:
    assert _look(Talk(MODERN), 1, "working").outcome("tasks.extension.types") == "passed"
    assert _look(Talk(MODERN), 1, "working", resultType="task").outcome("tasks.extension.types") == "failed"


def test_a_task_is_for_requests_that_declare_the_extension() -> None:
    assert _called("task", DECLARED).outcome("tasks.extension.undeclared") == "blocked"
    assert _called("task", {}).outcome("tasks.extension.undeclared") == "failed"


@pytest.mark.parametrize(
    ("status", "members", "outcome"),
    [
        ("working", {}, "passed"),
        ("working", {"result": {"content": []}}, "failed"),
        ("completed", {"result": {}}, "passed"),
        ("completed", {}, "failed"),
        ("failed", {"error": {"code": -32603, "message": "no"}}, "passed"),
        ("failed", {"error": "no"}, "failed"),
        ("input_required", {"inputRequests": {"a": QUESTION}}, "passed"),
        ("input_required", {}, "failed"),
    ],
)
def test_each_status_has_its_own_members(status: str, members: dict[str, Any], outcome: str) -> None:
    assert _look(Talk(MODERN), 1, status, **members).outcome("tasks.extension.states") == outcome


def test_a_task_that_has_ended_stays_so() -> None:
    talk = _look(Talk(MODERN), 1, "completed", result={})
    assert _look(talk, 2, "working").outcome("tasks.extension.states") == "failed"


def test_a_key_stands_for_one_question_however_it_is_worded() -> None:
    talk = _look(Talk(MODERN), 1, "input_required", inputRequests={"a": QUESTION})
    reworded = QUESTION | {"params": QUESTION["params"] | {"message": "Still sure?"}}
    assert _look(talk, 2, "input_required", inputRequests={"a": reworded}).outcome("tasks.extension.keys") == "passed"
    other = {"a": {"method": "roots/list"}}
    assert _look(talk, 3, "input_required", inputRequests=other).outcome("tasks.extension.keys") == "failed"


@pytest.mark.parametrize(("between", "outcome"), [(True, "failed"), (False, "passed")])
def test_a_key_that_was_answered_does_not_come_back_once_it_has_gone(between: bool, outcome: str) -> None:
    talk = _look(Talk(MODERN), 1, "input_required", inputRequests={"a": QUESTION})
    talk.we(request(2, "tasks/update", taskId="one", inputResponses={"a": {}})).it(result(2, resultType="complete"))
    if between:
        _look(talk, 3, "working")
    again = _look(talk, 4, "input_required", inputRequests={"a": QUESTION})
    assert again.outcome("tasks.extension.keys") == outcome
