"""Checks of what a task of 2026-07-28 tells while it runs: its questions, and the notices of its status
(`extensions/tasks#task-update-requests`, `#task-status-notifications`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio

from conformance.check import Sharing, check
from conformance.checks.server.tasks_extension import expect_empty
from conformance.checks.task_runs import DECLARED, TaskRun, follow, once, poll, runs
from conformance.expect import Blocked, Inapplicable, Mismatch, brief
from conformance.links import Answer
from conformance.listening import listening, shown
from conformance.peer import Peer
from conformance.samples import simplest

_MISSING_CAPABILITY, _INVALID_PARAMS, _METHOD_NOT_FOUND = -32021, -32602, -32601
_NOBODYS = "touchstone-never-issued"
_LOOKS = 10
_PAUSE = 0.02
"""Looks, and seconds between them, until an answer that was accepted shows."""


@dataclass(slots=True)
class _Dialogue:
    """What was said about one task that asks.

    `before` and `again` are looks before anything was answered, `accepted` is what the first answer got, `after` the
    look that first showed its effect, `repeated` what the same answer got once more.
    """

    run: TaskRun
    before: dict[str, Any]
    again: dict[str, Any]
    accepted: Answer
    after: dict[str, Any]
    repeated: Answer


@check("tasks.extension.outstanding", "tasks.extension.get.outstanding")
async def outstanding(peer: Peer) -> None:
    """A look at a task shows every question that is open, whether it was shown before or not."""
    talk = await _dialogue(peer)
    open_ones = _questions(talk.before)
    answered = next(iter(open_ones))
    for look, wanted in ((talk.again, set(open_ones)), (talk.after, set(open_ones) - {answered})):
        if look.get("status") == "input_required" and not wanted <= _questions(look).keys():
            raise Mismatch(f"the open questions {brief(sorted(wanted))} of {talk.run.name}", brief(look))
    if talk.again.get("status") != "input_required":
        raise Blocked(f"the task of {talk.run.name} did not wait for answers")


@check("tasks.extension.answered", "tasks.extension.update.acknowledged", "tasks.extension.input.stray-ignored")
async def answered_twice(peer: Peer) -> None:
    """An answer is acknowledged by an empty result, and so is the same answer a second time."""
    talk = await _dialogue(peer)
    if talk.accepted.error is not None:
        raise Blocked(f"the answer was not accepted: {talk.accepted.describe()}")
    acknowledged, ignored = "tasks.extension.update.acknowledged", "tasks.extension.input.stray-ignored"
    expect_empty(talk.accepted, acknowledged, acknowledged)
    expect_empty(talk.repeated, ignored, acknowledged)


@check("tasks.extension.listen", "tasks.extension.capability.listen", sharing=Sharing.ALONE)
async def undeclared_listening(peer: Peer) -> None:
    """A client that does not declare the extension cannot listen to tasks: it gets error -32021."""
    async with listening(peer, {"taskIds": [_NOBODYS]}) as listen:
        first = await listen.first()
    error = first.value.get("error") if first.is_response() else None
    if isinstance(error, dict) and error.get("code") == _METHOD_NOT_FOUND:
        raise Inapplicable("the target has no subscriptions/listen")
    # Which error wins for a task that does not exist either, nobody says.
    if not isinstance(error, dict) or error.get("code") not in (_MISSING_CAPABILITY, _INVALID_PARAMS):
        raise Mismatch(f"error {_MISSING_CAPABILITY}", shown(first), [first.index])


async def _dialogue(peer: Peer) -> _Dialogue:
    """Answer the first question of the task that asks most, and then the others. Raises `Blocked`."""
    asking = [run for run in await runs(peer) if run.statuses[-1:] == ["input_required"] and _answers(_last(run))]
    if not asking:
        raise Blocked("no task asks for input that a form can give")
    run = max(asking, key=lambda run: len(_questions(_last(run))))
    talk = await once(peer, "dialogue", partial(_talk, peer, run))
    if isinstance(talk, Mismatch):
        raise Blocked(f"the questions of a task could not be followed: {talk}")
    return talk


async def _talk(peer: Peer, run: TaskRun) -> _Dialogue:
    before = _last(run)
    answers = _answers(before)
    name = next(iter(answers))
    again = _object((await poll(peer, run)).result)
    accepted = await _update(peer, run, {name: answers[name]})
    after = _object((await poll(peer, run)).result)
    for _ in range(_LOOKS):
        if accepted.error is not None or name not in _questions(after):
            break
        await anyio.sleep(_PAUSE)
        after = _object((await poll(peer, run)).result)
    repeated = await _update(peer, run, {name: answers[name]})
    rest = {other: answer for other, answer in answers.items() if other != name}
    if rest and accepted.error is None:
        await _update(peer, run, rest)
        await follow(peer, run)
    return _Dialogue(run, before, again, accepted, after, repeated)


async def _update(peer: Peer, run: TaskRun, responses: dict[str, Any]) -> Answer:
    return await peer.request("tasks/update", {"taskId": run.id, "inputResponses": responses}, meta=DECLARED)


def _last(run: TaskRun) -> dict[str, Any]:
    return _object(run.polls[-1].result) if run.polls else {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _questions(look: dict[str, Any]) -> dict[str, Any]:
    return _object(look.get("inputRequests"))


def _answers(look: dict[str, Any]) -> dict[str, Any]:
    """Return an answer for each question; nothing where one is no form, or no form that we can fill."""
    found: dict[str, Any] = {}
    for name, question in _questions(look).items():
        params = _object(_object(question).get("params"))
        content = simplest(params.get("requestedSchema"))
        if _object(question).get("method") != "elicitation/create" or not isinstance(content, dict):
            return {}
        found[name] = {"action": "accept", "content": content}
    return found
