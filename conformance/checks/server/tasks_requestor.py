"""Checks of servers that ask something as a task of the client's (2025-11-25 `basic/utilities/tasks`).

The stimulus is a tool that does so once the client declares such tasks; the tasks are ours, each told of in a manner of
its own (`conformance.checks.receiver`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import anyio

from conformance.check import check
from conformance.checks.receiver import LONG, SOON, Made, Manner, Receiver
from conformance.checks.task_runs import once
from conformance.expect import Blocked, Mismatch
from conformance.interviews import Respondent, everything_of, responding
from conformance.leases import goes_on
from conformance.links import Answer
from conformance.peer import Peer
from conformance.posing import likely_to_ask, may_ask, posing, sure_to_ask
from conformance.surface import ToolCall

_TRIES = 8
"""Tools that are called to find one that asks for something as a task."""


@dataclass(slots=True)
class _Trial:
    """The tasks that a tool asked for, one of each manner, and what its calls came to.

    `woken`: the quiet one was asked about only once its end was told.
    """

    client: Peer
    call: ToolCall
    tasks: dict[Manner, Made]
    answers: Sequence[Answer | Mismatch]
    woken: bool = False

    @property
    def name(self) -> str:
        return str(self.call.tool["name"])

    def wrong(self, made: Made, expected: str, actual: str) -> Mismatch:
        """Return a failure that points at what was said of a task."""
        conversation = self.client.conversation
        about = [
            entry for entry in conversation.entries if made.id.encode() in entry.data or entry.value == made.request
        ]
        mismatch = Mismatch(expected, actual, [entry.index for entry in about])
        mismatch.seen = conversation
        return mismatch


@check("tasks.requestor.outcome", "tasks.poll.no-notifications-needed")
async def outcome(peer: Peer) -> None:
    """A server asks about the task that it made of a question, although nothing tells it to."""
    trial = await _trial(peer)
    quiet = trial.tasks[Manner.QUIET]
    if quiet.noticed and not trial.woken:
        return
    if trial.woken:
        wanted = f"{trial.name} to ask about its task, for which a look every {SOON} ms was suggested"
        actual = f"nothing for {_patience(peer):g} s, until a notification told of the end"
        raise trial.wrong(quiet, wanted, actual)
    raise Blocked(f"{trial.name} did not come back for its task in time")


@check("tasks.requestor.despite", "tasks.poll.despite-notifications")
async def despite_notifications(peer: Peer) -> None:
    """A server goes on asking about a task of which a notification told something."""
    trial = await _trial(peer)
    told = trial.tasks[Manner.TELLS]
    if told.noticed:
        return
    if trial.woken or not trial.tasks[Manner.QUIET].noticed:
        raise Blocked(f"{trial.name} asks about no task of its own accord")
    wanted = f"{trial.name} to ask about its task, as it does where it is told nothing"
    raise trial.wrong(told, wanted, f"nothing for {_patience(peer):g} s after a notification that it is working")


@check("tasks.requestor.until-end", "tasks.poll.until-end")
async def until_end(peer: Peer) -> None:
    """A server that found its task working asks again, until the task has ended."""
    trial = await _trial(peer)
    quiet = trial.tasks[Manner.QUIET]
    if quiet.looks > 1 or quiet.fetched or quiet.cancelled:
        return
    if quiet.looks == 0 or any(isinstance(answer, Mismatch) for answer in trial.answers):
        raise Blocked(f"{trial.name} did not come back for its task in time")
    wanted = f"{trial.name} to ask for its task again, or for its result, or to cancel it"
    raise trial.wrong(quiet, wanted, "the end of the call, while the task was working")


async def _trial(peer: Peer) -> _Trial:
    """Let a tool ask for a task of each manner. Raises `Blocked` if none does, or not each time."""
    found = await once(peer, "asked for tasks", partial(_try, peer))
    if isinstance(found, Mismatch):
        raise Blocked(f"the tools that may ask for a task could not be tried: {found}")
    if found is None or len(found.tasks) < len(Manner):
        raise Blocked("no tool that may be called asks for something as a task of the client's")
    return found


async def _try(peer: Peer) -> _Trial | None:
    # Seen from a connection that others have: a process of its own is dear where nothing asks. Where a connection costs
    # nothing, this does not wait for its turn.
    everyone = Respondent(everything_of(peer.revision))
    async with responding(peer, everyone, alone=not goes_on(peer)) as other:
        if not any(map(may_ask, other.surface.tools)):
            return None
    receiver = Receiver()
    async with posing(peer, receiver.guise) as client:
        receiver.peer = client
        for call in likely_to_ask(client.surface.calls())[:_TRIES]:
            receiver.manners = list(Manner)
            answers = await _call(client, call, receiver)
            if receiver.made:
                trial = _Trial(client, call, {made.manner: made for made in receiver.made}, answers)
                await _wake(trial)
                return trial
    return None


async def _call(client: Peer, call: ToolCall, receiver: Receiver) -> list[Answer | Mismatch]:
    """Call a tool, and as soon as it is known to ask for a task so often that it asks for one of each manner."""
    answers: list[Answer | Mismatch] = []
    receiver.began = anyio.Event()

    async def one() -> None:
        try:
            answers.append(await client.request("tools/call", call.params, timeout=_patience(client)))
        except Mismatch as mismatch:
            answers.append(mismatch)

    async def first() -> None:
        await one()
        receiver.began.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(first)
        sure = sure_to_ask(call)
        if not sure:
            await receiver.began.wait()
        for _ in range(len(Manner) - 1) if sure or receiver.made else ():
            tasks.start_soon(one)
    return answers


def _patience(peer: Peer) -> float:
    """Return the seconds that a call gets in which tasks are looked at: an answer's, and those between the looks."""
    return peer.patience.answer + 2 * LONG / 1000


async def _wake(trial: _Trial) -> None:
    """Tell of the end of the quiet task, if nobody asked about it: one that waited for a word asks now."""
    quiet = trial.tasks.get(Manner.QUIET)
    if quiet is None or quiet.noticed:
        return
    quiet.status = "completed"
    await trial.client.notify("notifications/tasks/status", quiet.wire())
    await trial.client.fence()
    with anyio.move_on_after(trial.client.patience.quiet):
        await quiet.asked.wait()
    trial.woken = quiet.noticed
