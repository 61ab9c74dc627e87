"""Checks of servers that ask: how they take refusals, answers that fit nothing, and clients that cannot be asked.

The stimulus is a tool that was seen to ask a client that declares everything. Each check is a client of its own kind.
"""

from __future__ import annotations

from itertools import count
from typing import Any

from conformance.calling import succeeded
from conformance.check import check
from conformance.checks.fences import serves_after
from conformance.expect import Blocked, Mismatch, brief
from conformance.interviews import (
    ELICIT,
    SAMPLE,
    Interview,
    Message,
    Reply,
    Respondent,
    agree,
    everything_of,
    interview,
    interviewed,
    need_interviews,
    part_of,
    responding,
)
from conformance.links import Gone, Silence
from conformance.peer import Peer

_SOME = 4
"""Tools that ask which are tried; they have the same library below them."""
_INSISTING = 3
"""Times that a question gets an answer of no use before it gets a good one."""
_MARK = "touchstone-misfit"
_SEEN = 100_000
"""Characters of a result in which the mark is looked for."""
_REFUSALS: dict[str, Message] = {
    "a user who declines": {"action": "decline"},
    "a user who cancels": {"action": "cancel"},
    "an answer without a known action": {"action": "touchstone"},
}


def instead(method: str, result: Message) -> Reply:
    """Return replies that give one result to a method, and agree to all else."""
    return lambda question: {"result": result} if question["method"] == method else agree(question)


@check("elicitation.refused", "elicitation.declined")
async def refused(peer: Peer) -> None:
    """A user who declines or cancels, or an answer of no use, leaves the call answered and the server serving."""
    asking = await need_interviews(peer, ELICIT)
    respondent = Respondent(everything_of(peer.revision))
    async with responding(peer, respondent) as other:
        for what, result in _REFUSALS.items():
            for made in asking[:_SOME]:
                respondent.reply = _at_first(instead(ELICIT, result))
                await _answered(other, respondent, made, what)
            await serves_after(other, what)


def _at_first(reply: Reply) -> Reply:
    """Return replies that relent after a few: a server may put its question again until it has what it needs."""
    given = count()
    return lambda question: reply(question) if next(given) < _INSISTING else agree(question)


async def _answered(peer: Peer, respondent: Respondent, made: Interview, what: str) -> Interview:
    """Make a call again, whose questions are now answered otherwise. Raises `Silence` or `Gone`."""
    try:
        return await interview(peer, respondent, made.call, what)
    except (Silence, Gone) as lost:
        raise type(lost)(f"an answer of {made.call.tool['name']} to {what}", lost.actual, lost.entries) from None


@check("elicitation.misfit", "elicitation.answer.checked", "elicitation.answer.validated-early")
async def misfit(peer: Peer) -> None:
    """Content that breaks the form which it answers does not end up in the result of the call."""
    asking = [made for made in await need_interviews(peer, ELICIT) if _form(made) and succeeded(made.answer)]
    if not asking:
        raise Blocked("no tool that asks by a form succeeds with the simplest content that fits")

    def reply(question: Message) -> Message:
        form = (question.get("params") or {}).get("requestedSchema")
        return {"result": {"action": "accept", "content": _spoiled(form)}} if form else agree(question)

    await _expect_unused(peer, asking, reply, "content that breaks the form")


def _form(made: Interview) -> bool:
    return any("requestedSchema" in (question.get("params") or {}) for question in made.asked)


def _spoiled(form: Any) -> Message:
    """Return content in which every field is an object, which no form asks for (`#requested-schema`)."""
    fields = form.get("properties") if isinstance(form, dict) else None
    return {name: {"touchstone": _MARK} for name in (fields if isinstance(fields, dict) else ())}


@check("sampling.misfit", "sampling.content.validated")
async def sampling_misfit(peer: Peer) -> None:
    """Sampled content of no known type does not end up in the result of the call."""
    asking = [made for made in await need_interviews(peer, SAMPLE) if succeeded(made.answer)]
    if not asking:
        raise Blocked("no tool that asks for sampling succeeds with a sampled text")
    content = {"type": "touchstone", "text": _MARK}
    result = {"role": "assistant", "content": content, "model": "touchstone", "stopReason": "endTurn"}
    await _expect_unused(peer, asking, instead(SAMPLE, result), "sampled content of no known type")


async def _expect_unused(peer: Peer, asking: list[Interview], reply: Reply, what: str) -> None:
    """Make calls whose questions get answers that fit nothing, and carry a mark. That a call ends well may mean that
    the server told of the misfit in its own words; that it hands on what it got, means that it did not look."""
    respondent = Respondent(everything_of(peer.revision))
    async with responding(peer, respondent) as other:
        for made in asking[:_SOME]:
            respondent.reply = _at_first(reply)
            answer = (await _answered(other, respondent, made, what)).answer
            if succeeded(answer) and _MARK in brief(answer.result, limit=_SEEN):
                name = made.call.tool["name"]
                raise Mismatch(f"{name} to make nothing of {what}", answer.describe(), [answer.entry.index])


@check("lifecycle.undeclared", "lifecycle.error.capabilities")
async def undeclared(peer: Peer) -> None:
    """A call that would ask for what a client cannot do is answered all the same."""
    asking = await interviewed(peer)
    if not asking:
        raise Blocked("no tool that may be called asks its client for anything")
    nobody, somebody = Respondent({}), Respondent(part_of(peer.revision))
    for made in asking:
        await _answered(peer, nobody, made, "a client that declares nothing")
    await serves_after(peer, "calls that would have asked")
    async with responding(peer, somebody) as other:
        for made in asking:
            await _answered(other, somebody, made, "a client that declares little")
        await serves_after(other, "calls that would have asked for more")
