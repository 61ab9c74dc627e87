"""What an answer hands out, how often a task is looked at, and how much an id can hold."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from conformance.checks.task_runs import TaskRun, _suggested, once, task_of
from conformance.expect import Mismatch
from conformance.links import Answer
from conformance.surface import ToolCall
from conformance.transcript import Direction, Entry

TASK = {"taskId": "one", "status": "working"}


def _answer(result: Any) -> Answer:
    message = {"jsonrpc": "2.0", "id": 1, "result": result}
    return Answer("tools/call", 1, message, Entry(0, 0.0, Direction.RECEIVED, b"", message))


@pytest.mark.parametrize("result", [{"task": TASK}, {"resultType": "task", **TASK}])
def test_a_task_is_found_in_either_era(result: dict[str, Any]) -> None:
    assert task_of(_answer(result))["taskId"] == "one"
    assert TaskRun(ToolCall({"name": "a"}, {}), _answer(result)).id == "one"


@pytest.mark.parametrize("result", [{"content": []}, {"resultType": "complete", **TASK}, {"task": "one"}, None, []])
def test_what_hands_out_no_task_is_none(result: Any) -> None:
    assert task_of(_answer(result)) == {}


def test_a_run_has_ended_when_its_last_look_says_so() -> None:
    run = TaskRun(ToolCall({"name": "a"}, {}), _answer({"task": TASK}))
    assert run.end == {}
    run.polls += [_answer(TASK), _answer({"taskId": "one", "status": "failed"})]
    assert run.end["status"] == "failed"
    assert run.statuses == ["working", "failed"]


@pytest.mark.parametrize(
    ("told", "seconds"), [({"pollInterval": 200}, 0.2), ({"pollIntervalMs": 10**9}, 5.0), ({"pollInterval": True}, 1.0)]
)
def test_the_suggested_interval_is_kept_within_bounds(told: dict[str, Any], seconds: float) -> None:
    assert _suggested(told) == seconds


def test_what_checks_share_is_made_once_even_if_it_fails() -> None:
    made: list[int] = []

    class Holder:
        def __init__(self) -> None:
            self.kept: dict[str, Any] = {}

    async def make() -> None:
        made.append(1)
        raise Mismatch("this", "that")

    async def ask() -> None:
        holder: Any = Holder()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(once, holder, "it", make)
        assert isinstance(await once(holder, "it", make), Mismatch)

    anyio.run(ask)
    assert made == [1]
