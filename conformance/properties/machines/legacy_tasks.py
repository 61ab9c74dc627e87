"""Moves of tasks of the handshake era: make one, look at it, find it in the list, fetch what came of it, cancel it.

What is judged besides single messages: that a task is there until its time is over (what was said about it is not for
another), and by the monitors that no status comes after an end.
"""

from __future__ import annotations

from typing import Any

from conformance.expect import Mismatch, literal
from conformance.properties.machines.play import Play
from conformance.properties.machines.seats import Seat
from conformance.properties.machines.steps import Step

__all__ = ["TTL", "cancel", "fetch", "find", "look", "make"]

TTL = 120_000
"""The lifetime that is wished for a task, in milliseconds: no play lasts as long."""
_FINAL = frozenset({"completed", "failed", "cancelled"})
_PAGES = 20
_KEPT = "property.tasks.kept"


async def make(play: Play, seat: Seat, step: Step) -> None:
    """Call a tool as a task, into a slot, and see that the task is there."""
    if seat.ended:
        return
    answer = await play.ask(seat, step)
    task = answer.result.get("task") if isinstance(answer.result, dict) else None
    if not isinstance(task, dict) or not isinstance(task.get("taskId"), str):
        return
    granted = task.get("ttl")
    if granted is None or (isinstance(granted, int | float) and granted >= TTL):
        seat.tasks[step.slot] = task["taskId"]
        await look(play, seat, step)


async def look(play: Play, seat: Seat, step: Step) -> None:
    """Look at the task of a slot."""
    if step.slot in seat.tasks and not seat.ended:
        await _status(play, seat, seat.tasks[step.slot])


async def _status(play: Play, seat: Seat, task: str) -> Any:
    """Return the status of a task that is to be there. Raises `Mismatch`."""
    answer = await play.ask(seat, _about("tasks/get", task))
    if not isinstance(answer.result, dict):
        raise _lost(f"the task {literal(task)}, whose ttl is not over", answer.describe(), answer.entry.index)
    if answer.result.get("taskId") != task:
        told = f"the task {literal(answer.result.get('taskId'))}"
        raise _lost(f"the task {literal(task)}, which was asked about", told, answer.entry.index)
    return answer.result.get("status")


async def find(play: Play, seat: Seat, _step: Step) -> None:
    """Look for every task on the pages of the list."""
    if seat.ended or not seat.tasks:
        return
    listed: list[Any] = []
    cursor = None
    for _ in range(_PAGES):
        params = None if cursor is None else {"cursor": cursor}
        answer = await play.ask(seat, Step("ask", method="tasks/list", params=params))
        if not isinstance(answer.result, dict) or not isinstance(answer.result.get("tasks"), list):
            return
        listed += [task.get("taskId") for task in answer.result["tasks"] if isinstance(task, dict)]
        cursor = answer.result.get("nextCursor")
        if cursor is None:
            break
    else:
        return
    for task in seat.tasks.values():
        if task not in listed:
            mismatch = Mismatch(
                f"the task {literal(task)} in tasks/list", f"{len(listed)} others", [answer.entry.index]
            )
            mismatch.breaks = "tasks.list.complete"
            raise mismatch


async def fetch(play: Play, seat: Seat, step: Step) -> None:
    """Fetch what came of a task that has ended; of another nothing comes until it has."""
    if step.slot not in seat.tasks or seat.ended:
        return
    task = seat.tasks[step.slot]
    if await _status(play, seat, task) in _FINAL:
        # That it is kept once its outcome was handed out is nowhere said.
        del seat.tasks[step.slot]
        await play.ask(seat, _about("tasks/result", task))


async def cancel(play: Play, seat: Seat, step: Step) -> None:
    """Cancel the task of a slot, whether or not it has ended: afterwards it may be gone, but not go on."""
    if step.slot not in seat.tasks or seat.ended:
        return
    task = seat.tasks.pop(step.slot)
    await play.ask(seat, _about("tasks/cancel", task))
    await play.ask(seat, _about("tasks/get", task))


def _about(method: str, task: str) -> Step:
    return Step("ask", method=method, params={"taskId": task})


def _lost(expected: str, actual: str, entry: int) -> Mismatch:
    mismatch = Mismatch(expected, actual, [entry])
    mismatch.breaks = _KEPT
    return mismatch
