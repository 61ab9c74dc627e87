"""Plays steps on a target and judges what it does: after each step, and at the end by the monitors of whole traffic.

What is judged is what a row of the catalogue demands: each request gets one answer of its own, and a target serves on.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import anyio

from conformance.bench import Bench
from conformance.catalogue import load as load_catalogue
from conformance.check import all_monitors
from conformance.expect import Blocked, Inapplicable, Mismatch
from conformance.links import Answer, Gone, Silence
from conformance.peer import Peer
from conformance.properties.case import Case
from conformance.properties.expectation import Expectation
from conformance.properties.machines.seats import Seat, Seats
from conformance.properties.machines.steps import Step
from conformance.properties.oracle import judge_answer
from conformance.together import together
from reference_impl.protocol.methods import PAGINATED

__all__ = ["MARK", "WATCHED", "Move", "Play", "beside", "must_serve"]

MARK = "touchstone-mark-"
"""What the text that a conversation gives a tool begins with; its number follows, in words of its own."""

WATCHED = (
    "base.response-ids",
    "base.one-response",
    "progress.ended",
    "subscriptions.only-asked",
    "subscriptions.marked",
    "tasks.states",
    "tasks.extension.states",
    "http.event-ids-unique",
)
"""The monitors of what only a sequence can get wrong; those of single messages are for the properties of those."""

Move = Callable[["Play", Seat, Step], Awaitable[None]]

_RESULTS = {"ping", "server/discover", *PAGINATED} - {"resources/templates/list"}
"""What any target that declares it answers with a result."""


class Play:
    """One play. `shapes` are those of answers, by what was asked."""

    def __init__(self, seats: Seats, moves: dict[str, Move]) -> None:
        self.seats = seats
        self.shapes: dict[str, str] = {}
        self.last: Step | None = None
        """The last request that was made alone."""
        self.closing: list[Callable[[], Awaitable[None]]] = []
        """What is judged once all steps are done."""
        self.walks: dict[tuple[int, str], Any] = {}
        """What was seen of lists, by conversation and list (`paging`)."""
        self.moves = moves

    async def run(self, steps: Sequence[Step]) -> None:
        """Do the steps. Raises `Mismatch` with what is wrong, `NotOpened` if the target takes no conversation."""
        try:
            for step in steps:
                await self.moves[step.do](self, await self.seats.take(step.on), step)
            for close in self.closing:
                await close()
            for seat in self.seats.open:
                if not seat.ended:
                    await must_serve(seat)
            self._watch()
        except Mismatch as mismatch:
            if not isinstance(mismatch, Gone | Silence):
                mismatch.breaks = mismatch.breaks or "base.message.json-rpc"
            raise

    async def ask(self, seat: Seat, step: Step, *, at_least: int = 0) -> Answer:
        """Make the request of a step and judge its answer. Raises `Mismatch`."""
        message = seat.peer.message(step.method, step.params, id=seat.new_id(at_least))
        answer = await seat.peer.call(message)
        judge(seat.peer, message, answer)
        return answer

    def _watch(self) -> None:
        for monitor in all_monitors():
            bound = _bound(monitor.requirements, self.seats.bench) if monitor.id in WATCHED else None
            if bound is None:
                continue
            for conversation in self.seats.conversations:
                try:
                    found = next((each for each in monitor.body(conversation) if each is not None), None)
                except (Blocked, Inapplicable):
                    continue
                if found is not None:
                    found.breaks = found.breaks or bound
                    raise found


def _bound(requirements: Sequence[str], bench: Bench) -> str | None:
    """Return the first of some requirements that binds, strongest first, or None."""
    rows = load_catalogue().binding(requirements, bench.revision, bench.target.transport)
    return rows[0].id if rows else None


def judge(peer: Peer, message: dict[str, Any], answer: Answer) -> None:
    """Judge the answer to a sound request. Raises `Mismatch`."""
    expects = Expectation.RESULT if message["method"] in _RESULTS else Expectation.ANSWER
    judge_answer(peer, Case(message["method"], expects, message), answer)


async def must_serve(seat: Seat) -> None:
    """See that the target serves on. Raises `Mismatch`."""
    peer = seat.peer
    message = peer.message(peer.cheap_method, id=seat.new_id())
    judge(peer, message, await peer.call(message))


async def beside(peer: Peer, message: dict[str, Any], work: Callable[[], Awaitable[None]]) -> None:
    """Do something while a request is under way, which is given up afterwards: over HTTP its connection is closed.

    Raises what `work` raises.
    """
    if not peer.over_http:
        await peer.tell(message)
        await work()
        return
    failed: list[Mismatch] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_call, peer, message)
        try:
            await work()
        except Mismatch as mismatch:
            failed.append(mismatch)
        tasks.cancel_scope.cancel()
    if failed:
        raise failed[0]


async def _call(peer: Peer, message: dict[str, Any]) -> None:
    try:
        await peer.call(message)
    except Mismatch:
        # That nothing came, or the connection ended, is no wrong: nobody waits for this answer.
        return


# Moves of both eras -----------------------------------------------------------------------------------


async def ask(play: Play, seat: Seat, step: Step) -> None:
    """Make a request; of a session that has ended none is served."""
    play.last = step
    if not seat.ended:
        await play.ask(seat, step)
        return
    what = "the id of a session that has ended"
    message = seat.peer.message(step.method, step.params, id=seat.new_id())
    answer = await seat.peer.call(message, defect=what)
    # A refusal with another status is for a check to tell: here it would hide what else there is to find.
    if answer.result is not None:
        mismatch = Mismatch(f"HTTP 404 for {what}", answer.describe(), [answer.entry.index])
        mismatch.breaks = "http.session.ended"
        raise mismatch


async def once_more(play: Play, seat: Seat, step: Step) -> None:
    """Make the last request again."""
    if play.last is not None:
        await play.moves[play.last.do](play, seat, replace(play.last, on=step.on))


async def ask_together(play: Play, _seat: Seat, step: Step) -> None:
    """Make several requests at the same time; in different conversations with the same id."""
    seats = [await play.seats.take(each.on) for each in step.beside]
    if any(seat.ended for seat in seats):
        return
    start = max(seat.last_id for seat in seats) + 1
    asked = zip(seats, step.beside, strict=True)
    answers = await together(*(partial(play.ask, seat, each, at_least=start) for seat, each in asked))
    marks = {mark for each in step.beside if (mark := _mark(each)) is not None}
    for each, answer in zip(step.beside, answers, strict=True):
        own = _mark(each)
        text = json.dumps(answer.message, default=repr)
        foreign = [mark for mark in marks if own is not None and mark != own and mark in text]
        if foreign:
            wanted = f"an answer with {own}, which was asked for, and not {foreign[0]}"
            mismatch = Mismatch(wanted, answer.describe(), [answer.entry.index])
            own_answer = ("http.isolation.collision", "base.response.id-echo", "base.response.id-echo-legacy")
            mismatch.breaks = _bound(own_answer, play.seats.bench)
            raise mismatch


def _mark(step: Step) -> str | None:
    arguments = (step.params or {}).get("arguments")
    values = arguments.values() if isinstance(arguments, dict) else ()
    return next((value for value in values if isinstance(value, str) and value.startswith(MARK)), None)


async def leave(play: Play, _seat: Seat, step: Step) -> None:
    """End the conversation: in the first slot without a word, in the second as it should be."""
    await play.seats.leave(step.on, politely=bool(step.slot))


async def give_up(_play: Play, seat: Seat, step: Step) -> None:
    """Make a request and close its connection before the answer, in an order that a fence gives."""
    if seat.ended or not seat.peer.over_http:
        return
    message = seat.peer.message(step.method, step.params, id=seat.new_id())
    await beside(seat.peer, message, partial(must_serve, seat))


async def repeat(play: Play, seat: Seat, step: Step) -> None:
    """Call a tool that changes nothing; the same call comes to an answer of the same shape as before."""
    if seat.ended:
        return
    play.last = step
    asked = json.dumps(step.params, sort_keys=True)
    shape = shape_of(answer := await play.ask(seat, step))
    before = play.shapes.setdefault(asked, shape)
    if shape == before:
        return
    # Chance would have it otherwise the next time; what the play has changed stays changed.
    for _ in range(_TIMES):
        if shape_of(await play.ask(seat, step)) != shape:
            return
    mismatch = Mismatch(f"{before}, as before: the tool says that it changes nothing", shape, [answer.entry.index])
    mismatch.breaks = "property.read-only.same-shape"
    raise mismatch


_TIMES = 2


def shape_of(answer: Answer) -> str:
    """Return what kind of answer it is: what stays the same where nothing has changed."""
    if answer.error is not None:
        return "a JSON-RPC error"
    result = answer.result if isinstance(answer.result, dict) else {}
    if result.get("isError"):
        return "a result with isError"
    return "a result with structuredContent" if "structuredContent" in result else "a result"
