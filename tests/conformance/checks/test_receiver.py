"""Tasks that we run: each manner of telling of one, and what is not there."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from conformance.checks.receiver import CURSORS, LONG, SOON, Manner, Receiver
from reference_impl.protocol.tasks import RELATED_TASK

FORM = {"type": "object", "properties": {}}
ASKED: dict[str, Any] = {
    "method": "elicitation/create",
    "params": {"message": "?", "requestedSchema": FORM, "task": {"ttl": 1000}},
}


def told(receiver: Receiver, method: str, **params: Any) -> Any:
    return anyio.run(receiver.answer, {"method": method, "params": params})


def made(*manners: Manner) -> tuple[Receiver, str]:
    receiver = Receiver()
    receiver.manners = list(manners)
    task = anyio.run(receiver.answer, {"id": 1, **ASKED})["result"]["task"]
    assert task["status"] == "working"
    return receiver, task["taskId"]


@pytest.mark.parametrize(
    ("manner", "seen"),
    [
        (Manner.QUIET, [("working", LONG), ("completed", LONG)]),
        (Manner.ASKS, [("input_required", SOON), ("input_required", SOON), ("completed", SOON)]),
        (Manner.TELLS, [("completed", SOON)]),
    ],
)
def test_each_manner_has_its_looks(manner: Manner, seen: list[tuple[str, int]]) -> None:
    receiver, identifier = made(manner)
    looks = [told(receiver, "tasks/get", taskId=identifier)["result"] for _ in seen]
    assert [(look["status"], look["pollInterval"]) for look in looks] == seen


def test_the_outcome_belongs_to_the_task_and_ends_it() -> None:
    receiver, identifier = made(Manner.QUIET)
    assert told(receiver, "tasks/result", taskId=identifier)["result"]["_meta"] == {
        RELATED_TASK: {"taskId": identifier}
    }
    assert told(receiver, "tasks/cancel", taskId=identifier)["error"]["code"] == -32602
    assert receiver.made[0].fetched


def test_a_cancelled_task_has_no_outcome() -> None:
    receiver, identifier = made(Manner.QUIET)
    assert told(receiver, "tasks/cancel", taskId=identifier)["result"]["status"] == "cancelled"
    assert "error" in told(receiver, "tasks/result", taskId=identifier)
    assert told(receiver, "tasks/get", taskId=identifier)["result"]["status"] == "cancelled"


def test_the_list_has_pages_whose_cursors_are_odd() -> None:
    receiver, identifier = made(Manner.QUIET)
    pages = [told(receiver, "tasks/list")["result"]]
    while "nextCursor" in pages[-1]:
        pages.append(told(receiver, "tasks/list", cursor=pages[-1]["nextCursor"])["result"])
    assert [page.get("nextCursor") for page in pages] == [*CURSORS, None]
    assert [task["taskId"] for page in pages for task in page["tasks"]] == [identifier]
    assert told(receiver, "tasks/list", cursor="2")["error"]["code"] == -32602


def test_what_asks_for_no_task_is_answered_at_once_and_what_is_unknown_not_at_all() -> None:
    receiver = Receiver()
    plain = {**ASKED["params"]}
    del plain["task"]
    assert told(receiver, "elicitation/create", **plain)["result"]["action"] == "accept"
    assert told(receiver, "tasks/get", taskId="never")["error"]["code"] == -32602
    assert told(receiver, "roots/list") is None
