"""Moves of the modern era: streams of changes, results that ask, and tasks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from conformance.expect import Mismatch, literal
from conformance.interviews import agree, everything_of
from conformance.links import Answer, Silence
from conformance.listening import ACKNOWLEDGED, Listening, is_acknowledgement, listening, shown
from conformance.properties.machines.play import Play, beside, judge, must_serve
from conformance.properties.machines.seats import Seat
from conformance.properties.machines.steps import Step
from conformance.transcript import Entry
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES, SUBSCRIPTION_ID
from reference_impl.protocol.methods import TASKS

__all__ = ["DROP", "cancel", "listen", "question", "task", "unlisten"]

DROP = 2
"""The slot of a question that is dropped; what the others do is `_WAYS`."""
_ROUNDS = 3
"""Times that a call is made again with answers."""
_GLANCE = 0.05
"""Seconds for the end of a stream that has ended to be read."""


async def cancel(_play: Play, seat: Seat, step: Step) -> None:
    """Give a request up: over HTTP its stream is closed, elsewhere it is cancelled; what comes next is served."""
    message = seat.peer.message(step.method, step.params, id=seat.new_id())

    async def cancelled() -> None:
        if not seat.peer.over_http:
            await seat.peer.notify("notifications/cancelled", {"requestId": message["id"]})
        await must_serve(seat)

    await beside(seat.peer, message, cancelled)
    await must_serve(seat)


# Streams of changes -----------------------------------------------------------------------------------


async def listen(play: Play, seat: Seat, step: Step) -> None:
    """Listen for changes in a slot that is free: the acknowledgement comes first, under the id of the request."""
    if step.slot in seat.listens:
        return
    if not seat.listens:
        play.closing.append(partial(_see_streams, seat))
    stack, start = AsyncExitStack(), len(seat.peer.heard)
    opened = await stack.enter_async_context(listening(seat.peer, dict(step.params or {})))
    seat.listens[step.slot] = (opened, stack)
    first = await _first(seat, opened, start)
    if not is_acknowledgement(first):
        raise _breaking("subscriptions.acknowledged", f"{ACKNOWLEDGED} before anything else", shown(first), first)
    meta = (first.value.get("params") or {}).get("_meta") or {}
    if meta.get(SUBSCRIPTION_ID) != opened.id:
        wanted = f"the subscription id {literal(opened.id)}"
        raise _breaking("subscriptions.acknowledged", wanted, literal(meta.get(SUBSCRIPTION_ID)), first)
    await _see_streams(seat)


async def _first(seat: Seat, opened: Listening, start: int) -> Entry:
    """Return the first message about a stream. On a channel that carries several, notices of others come between."""
    if seat.peer.over_http:
        return await opened.first()
    wait = seat.peer.patience.answer
    entry = await seat.peer.overhear(partial(_concerns, opened), wait, start)
    if entry is None:
        raise Silence(f"an acknowledgement of subscriptions/listen within {wait:g} s", "silence")
    return entry


def _concerns(opened: Listening, entry: Entry) -> bool:
    answers = entry.is_response() and entry.value.get("id") == opened.id
    return answers or is_acknowledgement(entry)


async def unlisten(_play: Play, seat: Seat, step: Step) -> None:
    """End a stream as a client does: after the cancellation was taken in nothing more is heard of it."""
    if step.slot not in seat.listens:
        return
    opened, stack = seat.listens.pop(step.slot)
    await opened.cancel()
    await must_serve(seat)
    if not seat.peer.over_http:
        start = len(seat.peer.heard)
        await must_serve(seat)
        for entry in seat.peer.heard[start:]:
            meta = (entry.value.get("params") or {}).get("_meta") or {} if entry.is_message else {}
            if meta.get(SUBSCRIPTION_ID) == opened.id:
                wanted = "nothing more about a subscription that was cancelled"
                raise _breaking("subscriptions.cancelled", wanted, shown(entry), entry)
    await stack.aclose()
    await must_serve(seat)


async def _see_streams(seat: Seat) -> None:
    """See that no stream broke off that nobody has closed."""
    for opened, _ in seat.listens.values() if seat.peer.over_http else ():
        await opened.wait(lambda _: False, _GLANCE)
        if opened.broken_off:
            raise _breaking(
                "subscriptions.ended",
                "a result for subscriptions/listen before its stream ends",
                "the end of the stream",
            )


def _breaking(row: str, expected: str, actual: str, entry: Entry | None = None) -> Mismatch:
    mismatch = Mismatch(expected, actual, [] if entry is None else [entry.index])
    mismatch.breaks = row
    return mismatch


# Results that ask -------------------------------------------------------------------------------------


async def question(_play: Play, seat: Seat, step: Step) -> None:
    """Make a call as a client that can be asked, and answer, decline or drop what it is asked, by the slot."""
    capabilities = everything_of(seat.peer.revision)
    answer = await _ask_as(seat, step.method, step.params or {}, capabilities)
    for _ in range(_ROUNDS):
        result = answer.result
        if not isinstance(result, dict) or result.get("resultType") != "input_required" or step.slot == DROP:
            break
        state = {"requestState": result["requestState"]} if "requestState" in result else {}
        given = {"inputResponses": _replies(result.get("inputRequests"), _WAYS[step.slot])}
        answer = await _ask_as(seat, step.method, {**(step.params or {}), **given, **state}, capabilities)
    await must_serve(seat)


def _decline(asked: dict[str, Any]) -> dict[str, Any]:
    return {"result": {"action": "decline"}} if asked["method"] == "elicitation/create" else agree(asked)


_WAYS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = (agree, _decline)


def _replies(asked: Any, way: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    questions = asked.items() if isinstance(asked, dict) else ()
    replies = {name: way(each) for name, each in questions if isinstance(each, dict) and "method" in each}
    return {name: reply["result"] for name, reply in replies.items() if "result" in reply}


async def _ask_as(seat: Seat, method: str, params: dict[str, Any], capabilities: dict[str, Any]) -> Answer:
    message = seat.peer.message(method, params, id=seat.new_id(), meta={CLIENT_CAPABILITIES: capabilities})
    answer = await seat.peer.call(message)
    judge(seat.peer, message, answer)
    return answer


# Tasks ------------------------------------------------------------------------------------------------


async def task(_play: Play, seat: Seat, step: Step) -> None:
    """Make a call as a client that takes tasks; look at its task, cancel it or forget it, by the slot."""
    declared: dict[str, Any] = {"extensions": {TASKS: {}}}
    answer = await _ask_as(seat, step.method, step.params or {}, declared)
    result = answer.result if isinstance(answer.result, dict) else {}
    identifier = result.get("taskId")
    if result.get("resultType") != "task" or not isinstance(identifier, str):
        return
    about = {"taskId": identifier}
    if step.slot == 1:
        await _ask_as(seat, "tasks/cancel", about, declared)
    elif step.slot == 0:
        seen = await _ask_as(seat, "tasks/get", about, declared)
        if seen.error is not None:
            wanted = "the task that the call made"
            raise _breaking("tasks.extension.create.durable", wanted, seen.describe(), seen.entry)
    await must_serve(seat)
