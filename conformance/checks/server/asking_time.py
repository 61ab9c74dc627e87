"""Checks of servers whose questions stay open: they give up in words, bear late answers, and tell only whom they asked.

Sources: `basic/lifecycle#timeouts`, `basic/utilities/cancellation#behavior-requirements`,
`client/elicitation#completion-notifications-for-url-mode-elicitation`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio

from conformance.check import check
from conformance.checks.fences import serves_after
from conformance.expect import Blocked, Mismatch, brief
from conformance.interviews import (
    ELICIT,
    Interview,
    Message,
    Respondent,
    agree,
    everything_of,
    interview,
    interviewed,
    need_interviews,
    responding,
)
from conformance.links import Silence
from conformance.monitors.elicitation import BYSTANDER
from conformance.peer import Peer
from conformance.transcript import Entry

_HOLD = 1.0
"""Seconds for which an answer is kept back, to see whether the server gives up meanwhile: few do so soon."""
_COMPLETE = "notifications/elicitation/complete"


def _nothing(_question: Message) -> Message:
    return {}


def _told(method: str, member: str, value: Any) -> Callable[[Entry], bool]:
    """Whether an entry is that notification, about that value."""

    def is_it(entry: Entry) -> bool:
        params = entry.value.get("params") if entry.is_notification() else None
        return entry.is_notification() and entry.value["method"] == method and (params or {}).get(member) == value

    return is_it


@check("timeouts.held-back", "timeouts.cancelled-legacy")
async def held_back(peer: Peer) -> None:
    """A server that waits no more for an answer of the client's takes its question back."""
    made = await _need_question(peer)
    respondent = Respondent(everything_of(peer.revision), _nothing)
    async with responding(peer, respondent, alone=True) as other:
        try:
            answer = await other.request("tools/call", made.call.params, timeout=min(_HOLD, peer.patience.answer))
        except Silence:
            raise Blocked(f"{made.call.tool['name']} waits for its answer for longer than {_HOLD:g} s") from None
        if not respondent.asked:
            raise Blocked(f"{made.call.tool['name']} does not ask again")
        if answer.result == made.answer.result:
            raise Blocked(f"{made.call.tool['name']} answers the same without the answer, and may await it elsewhere")
        open_one = respondent.asked[-1]["id"]
        taken_back = _told("notifications/cancelled", "requestId", open_one)
        if await other.overhear(taken_back, peer.patience.quiet) is None:
            wanted = f"notifications/cancelled for question {brief(open_one)}, which the server waits for no more"
            raise Mismatch(wanted, answer.describe(), [answer.entry.index])


@check("cancellation.late-answer", "cancellation.late-response-legacy")
async def late_answer(peer: Peer) -> None:
    """An answer to a question that the server took back is passed over."""
    made = await _need_question(peer)
    respondent = Respondent(everything_of(peer.revision), _nothing)
    async with responding(peer, respondent, alone=True) as other, anyio.create_task_group() as tasks:
        message = other.message("tools/call", made.call.params)
        tasks.start_soon(_call, other, message)
        question = await other.overhear(Entry.is_request, peer.patience.answer)
        if question is None:
            raise Blocked(f"{made.call.tool['name']} does not ask again")
        identifier = question.value["id"]
        await other.notify("notifications/cancelled", {"requestId": message["id"], "reason": "nobody waits"})
        taken_back = await other.overhear(
            _told("notifications/cancelled", "requestId", identifier), peer.patience.quiet
        )
        if taken_back is not None:
            await other.tell({"jsonrpc": "2.0", "id": identifier, **agree(question.value)})
            await serves_after(other, "an answer to a question that was taken back")
        tasks.cancel_scope.cancel()
    if taken_back is None:
        raise Blocked("the server takes no question back when the call that asked is cancelled, as it may")


async def _call(peer: Peer, message: Message) -> None:
    with suppress(Mismatch):
        await peer.call(message)


async def _need_question(peer: Peer) -> Interview:
    found = [made for made in await interviewed(peer) if made.asked]
    if not found:
        raise Blocked("no tool that may be called asks its client for anything")
    return found[0]


@check("elicitation.complete-addressee", "elicitation.complete.addressee")
async def complete_addressee(peer: Peer) -> None:
    """That a page has been dealt with is told to the client that was sent there, and to no other."""
    asking = [made for made in await need_interviews(peer, ELICIT) if _page(made) is not None]
    if not asking:
        raise Blocked("no tool that may be called sends the user to a page")
    respondent, bystander = (Respondent(everything_of(peer.revision)) for _ in range(2))
    async with responding(peer, bystander, alone=True) as beside, responding(peer, respondent) as other:
        beside.conversation.purpose = BYSTANDER
        made = await interview(other, respondent, asking[0].call)
        about = _told(_COMPLETE, "elicitationId", _page(made))
        if await other.overhear(about, peer.patience.quiet) is None:
            raise Blocked(f"{_COMPLETE} does not come")
        await beside.fence()
        stray = await beside.overhear(about, peer.patience.quiet if other.over_http else 0)
        if stray is not None:
            mismatch = Mismatch(f"no {_COMPLETE} for another client", brief(stray.value), [stray.index])
            mismatch.seen = beside.conversation
            raise mismatch


def _page(made: Interview) -> Any:
    """Return the id of a page that was asked to be opened; None if none was."""
    asked = (question.get("params") or {} for question in made.asked)
    return next((params.get("elicitationId") for params in asked if params.get("mode") == "url"), None)
