"""Shapes, judged by method, revision and what other monitors leave."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.monitors.talk import MODERN, Talk, notification, request, result

_TOOL = {"name": "a", "inputSchema": {"type": "object"}}


def _listed(*tools: Any, revision: str = "2025-11-25", **more: Any) -> Talk:
    return Talk(revision).we(request(1, "tools/list")).it(result(1, tools=list(tools), **more))


def test_a_result_is_judged_by_the_method_it_answers() -> None:
    assert _listed(_TOOL).outcome("schema.results") == "passed"
    judged = _listed({"name": 7, "inputSchema": {"type": "object"}}).judged("schema.results")
    assert judged.mismatch is not None
    assert judged.mismatch.actual == "/tools/0/name: 7 where string belongs"


def test_members_with_a_monitor_of_their_own_are_left_to_it() -> None:
    assert _listed(_TOOL, revision=MODERN).outcome("schema.results") == "passed"


def test_a_result_of_an_unknown_extensions_type_is_not_judged() -> None:
    talk = Talk(MODERN).we(request(1, "tools/call")).it(result(1, resultType="com.example/deed", taskId="t"))
    assert talk.outcome("schema.results") == "blocked"


def test_a_task_is_judged_as_a_task() -> None:
    times = {"createdAt": "2026-07-28T00:00:00Z", "lastUpdatedAt": "2026-07-28T00:00:00Z", "ttlMs": None}
    for task, outcome in (({"taskId": "t", "status": "working", **times}, "passed"), ({"taskId": "t"}, "failed")):
        talk = Talk(MODERN).we(request(1, "tools/call")).it(result(1, resultType="task", **task))
        assert talk.outcome("schema.results") == outcome


def test_the_outcome_of_a_task_is_left_to_the_monitor_of_tasks() -> None:
    times = {"createdAt": "2026-07-28T00:00:00Z", "lastUpdatedAt": "2026-07-28T00:00:00Z", "ttlMs": None}
    for more, outcome in (({"result": {"content": []}}, "passed"), ({}, "failed")):
        state = {"taskId": "t", "status": "completed", **times, **more}
        talk = Talk(MODERN).we(request(1, "tasks/get")).it(result(1, resultType="complete", **state))
        assert talk.outcome("tasks.extension.states") == outcome
        assert talk.outcome("schema.results") == "passed"


@pytest.mark.parametrize(
    ("method", "value", "told"),
    [
        ("tools/call", {"content": [{"type": "txt"}, {"type": "txt"}]}, '/content/0/type: "txt" is none of '),
        ("tools/call", {"content": [{"type": "text", "text": 5}, 7]}, "/content/0/text: 5 where string belongs"),
        ("tools/call", {"contents": []}, "the object: member 'content' is missing"),
        ("tools/call", {"isError": False, "task": "t"}, '/task: "t" where object belongs'),
        ("sampling/createMessage", {"role": "user"}, "the object: member 'content' is missing"),
        ("tools/call", {"task": {}}, "/task: member 'createdAt' is missing"),
    ],
)
def test_a_result_of_several_types_is_told_what_it_lacks_as_what_it_looks_like(
    method: str, value: dict[str, Any], told: str
) -> None:
    judged = Talk("2025-11-25").we(request(1, method)).it(result(1, **value)).judged("schema.results")
    assert judged.mismatch is not None
    assert judged.mismatch.actual.startswith(told)


def test_a_question_is_judged_as_a_question() -> None:
    talk = Talk(MODERN).we(request(1, "tools/call")).it(result(1, resultType="input_required", requestState=7))
    assert talk.outcome("schema.results") == "failed"


def test_notifications_are_judged_and_those_of_vendors_are_not() -> None:
    assert Talk().it(notification("progress", progressToken=1, progress="half")).outcome("schema.messages") == "failed"
    assert Talk().it(notification("com.example/own", progress="half")).outcome("schema.messages") == "blocked"


@pytest.mark.parametrize(
    ("tool", "row"),
    [
        ({"name": "a"}, "tools.input-schema.object"),
        ({"name": "a", "inputSchema": None}, "tools.input-schema.object"),
        ({"name": "a", "inputSchema": {"type": "array"}}, "base.message.schema"),
    ],
)
def test_what_a_sentence_forbids_by_name_breaks_its_own_row(tool: Any, row: str) -> None:
    mismatch = _listed(tool).judged("schema.results").mismatch
    assert mismatch is not None
    assert mismatch.breaks == row


def test_an_embedded_resource_without_content_breaks_its_own_row() -> None:
    block = {"type": "resource", "resource": {"uri": "a:b", "mimeType": "text/plain"}}
    talk = Talk().we(request(1, "prompts/get")).it(result(1, messages=[{"role": "user", "content": block}]))
    mismatch = talk.judged("schema.results").mismatch
    assert mismatch is not None
    assert mismatch.breaks == "prompts.embedded.content"


def test_a_question_without_questions_or_state_breaks_the_row_that_says_so() -> None:
    call = request(1, "tools/call", name="ask")
    asked = Talk(MODERN).we(call).it(result(1, resultType="input_required"))
    judged = asked.judged("schema.results")
    assert judged.mismatch is not None
    assert judged.mismatch.breaks == "mrtr.result.something"
    stated = Talk(MODERN).we(call).it(result(1, resultType="input_required", requestState="x"))
    assert stated.outcome("schema.results") == "passed"
