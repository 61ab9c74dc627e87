"""Tasks of 2025-11-25, judged by what was said of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.monitors.talk import MODERN, Talk, error, notification, request, result

RELATED = "io.modelcontextprotocol/related-task"
AT = "2025-11-25T00:00:00Z"


def _task(status: str = "working", identifier: str = "one", at: str = AT) -> dict[str, Any]:
    return {"taskId": identifier, "status": status, "createdAt": at, "lastUpdatedAt": at, "ttl": None}


def _made(task: dict[str, Any], revision: str = "2025-11-25") -> Talk:
    talk = Talk(revision)
    talk.conversation.capabilities = {"tasks": {}}
    return talk.we(request(1, "tools/call", task={}, _meta={"progressToken": 1})).it(result(1, task=task))


def _looked(talk: Talk, identifier: int, task: dict[str, Any]) -> Talk:
    return talk.we(request(identifier, "tasks/get", taskId=task["taskId"])).it(result(identifier, **task))


def test_a_new_task_is_working() -> None:
    assert _made(_task()).outcome("tasks.first") == "passed"
    assert _made(_task("completed")).outcome("tasks.first") == "failed"


def test_two_tasks_do_not_share_an_id() -> None:
    talk = _made(_task()).we(request(2, "tools/call", task={})).it(result(2, task=_task()))
    assert talk.outcome("tasks.first") == "failed"


@pytest.mark.parametrize("at", [AT, "2025-11-25T00:00:00.123456789+01:00", "2025-11-25 00:00:00.5Z"])
def test_any_iso_8601_timestamp_will_do(at: str) -> None:
    assert _made(_task(at=at)).outcome("tasks.times") == "passed"


@pytest.mark.parametrize("at", ["just now", "1764028800000", "2025-11-25"])
def test_what_is_no_timestamp_fails(at: str) -> None:
    assert _made(_task(at=at)).outcome("tasks.times") == "failed"


@pytest.mark.parametrize(
    ("first", "then", "outcome"), [("completed", "working", "failed"), ("working", "failed", "passed")]
)
def test_a_task_that_has_ended_stays_so(first: str, then: str, outcome: str) -> None:
    talk = _looked(_looked(_made(_task()), 2, _task(first)), 3, _task(then))
    assert talk.outcome("tasks.states") == outcome


def test_an_answer_that_was_overtaken_proves_nothing() -> None:
    talk = _made(_task()).we(request(2, "tasks/get", taskId="one")).we(request(3, "tasks/get", taskId="one"))
    assert talk.it(result(3, **_task("completed"))).it(result(2, **_task())).outcome("tasks.states") == "passed"


def test_a_result_names_its_task_and_a_look_does_not() -> None:
    asked = _made(_task()).we(request(2, "tasks/result", taskId="one"))
    assert asked.it(result(2, content=[], _meta={RELATED: {"taskId": "one"}})).outcome("tasks.related") == "passed"
    other = (
        _made(_task()).we(request(2, "tasks/result", taskId="one")).it(result(2, _meta={RELATED: {"taskId": "two"}}))
    )
    assert other.outcome("tasks.related") == "failed"
    look = _looked(_made(_task()), 2, _task() | {"_meta": {RELATED: {"taskId": "one"}}})
    assert look.outcome("tasks.related") == "failed"


def test_progress_of_a_task_names_it() -> None:
    told = {"progressToken": 1, "progress": 1}
    assert _made(_task()).it(notification("progress", **told)).outcome("tasks.related") == "failed"
    named = notification("progress", **told, _meta={RELATED: {"taskId": "one"}})
    assert _made(_task()).it(named).outcome("tasks.related") == "passed"


def test_who_declares_no_tasks_makes_none() -> None:
    talk = _made(_task())
    assert talk.outcome("tasks.declared") == "passed"
    talk.conversation.capabilities = {}
    assert talk.outcome("tasks.declared") == "failed"


def test_a_blank_message_says_nothing() -> None:
    asked = Talk().we(request(1, "tasks/get", taskId="one"))
    wordless = error(1, -32602)
    wordless["error"]["message"] = ""
    assert asked.it(wordless).outcome("tasks.errors") == "failed"
    assert Talk().we(request(1, "tasks/get", taskId="one")).it(error(1)).outcome("tasks.errors") == "passed"


@pytest.mark.parametrize("monitor", ["tasks.first", "tasks.times", "tasks.states", "tasks.related", "tasks.declared"])
def test_another_revision_is_not_judged_by_these(monitor: str) -> None:
    assert _made(_task("completed", at="now"), MODERN).outcome(monitor) == "blocked"


@pytest.mark.parametrize(("member", "row"), [("taskId", "tasks.id.string"), ("ttl", "tasks.ttl.told")])
def test_a_task_without_id_or_lifetime_breaks_the_row_of_that(member: str, row: str) -> None:
    task = {name: value for name, value in _task().items() if name != member}
    mismatch = Talk().we(request(1, "tasks/get", taskId="one")).it(result(1, **task)).judged("schema.results").mismatch
    assert mismatch is not None
    assert mismatch.breaks == row
