"""Servers that ask for tasks and about them, judged by what they said; times are those of the transcript."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.conformance.monitors.talk import Talk, request, result

AT = "2025-11-25T00:00:00Z"
RELATED = "io.modelcontextprotocol/related-task"


def _task(status: str, **more: Any) -> dict[str, Any]:
    return {"taskId": "one", "status": status, "createdAt": AT, "lastUpdatedAt": AT, "ttl": None, **more}


def _looks(*tasks: dict[str, Any]) -> Talk:
    talk = Talk()
    for number, task in enumerate(tasks):
        talk.it(request(number, "tasks/get", taskId="one")).we(result(number, **task))
    return talk


def _later(talk: Talk, index: int, seconds: float) -> None:
    entries = talk.conversation.entries
    entries[index] = replace(entries[index], at=entries[index - 1].at + seconds)


@pytest.mark.parametrize(("seconds", "outcome"), [(1.0, "failed"), (1.2, "passed"), (60.0, "passed")])
def test_a_look_leaves_the_time_that_the_last_one_was_told(seconds: float, outcome: str) -> None:
    talk = _looks(_task("working", pollInterval=1500), _task("completed", pollInterval=1500))
    _later(talk, 2, seconds)
    assert talk.outcome("tasks.requestor.interval") == outcome


def test_short_times_and_first_looks_tell_nothing() -> None:
    assert (
        _looks(_task("working", pollInterval=20), _task("completed")).outcome("tasks.requestor.interval") == "blocked"
    )
    assert _looks(_task("working", pollInterval=1500)).outcome("tasks.requestor.interval") == "blocked"


def test_the_outcome_of_a_task_in_need_is_asked_for_before_its_end() -> None:
    needy = _task("input_required")
    assert _looks(needy, needy, _task("completed")).outcome("tasks.requestor.input") == "failed"
    talk = _looks(needy, needy)
    talk.it(request(7, "tasks/result", taskId="one"))
    assert talk.outcome("tasks.requestor.input") == "passed"
    assert _looks(needy, _task("completed")).outcome("tasks.requestor.input") == "blocked"


def test_a_look_that_names_its_task_twice_fails() -> None:
    talk = Talk().it(request(1, "tasks/get", taskId="one", _meta={RELATED: {"taskId": "one"}}))
    assert talk.outcome("tasks.requestor.related") == "failed"


@pytest.mark.parametrize(("cursor", "outcome"), [("a b", "passed"), ("a+b", "failed")])
def test_a_cursor_comes_back_as_it_was_given(cursor: str, outcome: str) -> None:
    talk = Talk().it(request(1, "tasks/list")).we(result(1, tasks=[], nextCursor="a b"))
    assert talk.it(request(2, "tasks/list", cursor=cursor)).outcome("tasks.requestor.cursors") == outcome


@pytest.mark.parametrize(
    ("tasks", "outcome"),
    [
        ({"requests": {"elicitation": {"create": {}}}}, "passed"),
        ({"requests": {"sampling": {"createMessage": {}}}}, "failed"),
        (None, "failed"),
    ],
)
def test_a_task_is_asked_for_where_it_is_declared(tasks: Any, outcome: str) -> None:
    held = {"elicitation": {}} | ({} if tasks is None else {"tasks": tasks})
    talk = Talk().we(request(0, "initialize", capabilities=held)).it(request(1, "elicitation/create", task={}))
    assert talk.outcome("tasks.requestor.declared") == outcome


@pytest.mark.parametrize(("token", "outcome"), [("t", "passed"), (7, "failed")])
def test_progress_of_a_task_has_the_token_of_its_request(token: Any, outcome: str) -> None:
    talk = (
        Talk().we(request(1, "tools/call", task={}, _meta={"progressToken": "t"})).it(result(1, task=_task("working")))
    )
    params = {"progressToken": token, "progress": 1, "_meta": {RELATED: {"taskId": "one"}}}
    talk.it({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
    assert talk.outcome("progress.tasks.token") == outcome


@pytest.mark.parametrize(("status", "outcome"), [("working", "passed"), ("completed", "failed")])
def test_a_task_that_has_ended_makes_no_progress(status: str, outcome: str) -> None:
    talk = (
        Talk().we(request(1, "tools/call", task={}, _meta={"progressToken": "t"})).it(result(1, task=_task("working")))
    )
    talk.we(request(2, "tasks/get", taskId="one")).it(result(2, **_task(status)))
    talk.it({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progressToken": "t", "progress": 1}})
    assert talk.outcome("progress.tasks.stops") == outcome
