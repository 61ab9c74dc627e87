"""Checks of `basic/patterns/mrtr#error-handling`: answers that stay out, do not fit, are too many or few."""

from __future__ import annotations

from typing import Any

from conformance.calling import succeeded
from conformance.check import check
from conformance.checks.fences import NOTE, serves_after
from conformance.checks.server.mrtr import DECLARED, answered, asks, need_question, questions, retry_params
from conformance.expect import Blocked, Mismatch
from conformance.links import Answer
from conformance.peer import Peer
from conformance.surface import ToolCall

_DROPPED = 4
_NO_ANSWERS: dict[str, Any] = {"a string": "touchstone", "an array": [], "a number for an answer": {"touchstone": 7}}

_UNFIT: tuple[dict[str, Any], ...] = ({"action": "accept", "content": "touchstone"}, {"content": {}})
"""Results of elicitation that the schema does not know."""


@check("mrtr.dropped", "mrtr.unanswered")
async def dropped(peer: Peer) -> None:
    """Questions that a client leaves unanswered hold nothing up, and the call can be made anew."""
    call, _ = await _need_completed(peer)
    for _ in range(_DROPPED):
        asked = await peer.request("tools/call", call.params, meta={**DECLARED, NOTE: "dropped"})
        if not asks(asked):
            raise Mismatch(f"the question of {call.tool['name']} again", asked.describe(), [asked.entry.index])
    await serves_after(peer, f"{_DROPPED} questions that were not answered")
    answer = await answered(peer, call, asked)
    if not succeeded(answer):
        raise Mismatch(f"the result of {call.tool['name']} as before", answer.describe(), [answer.entry.index])


@check("mrtr.answers.malformed", "mrtr.responses.error")
async def malformed(peer: Peer) -> None:
    """Answers that are no object of answers are refused with a JSON-RPC error, or asked for again."""
    call, asked = await _need_completed(peer)
    for what, value in _NO_ANSWERS.items():
        answer = await _answered_with(peer, call, asked, value, f"inputResponses that are {what}")
        if answer.error is None and not asks(answer):
            wanted = f"an error, or the question again, for inputResponses that are {what}"
            raise Mismatch(wanted, answer.describe(), [answer.entry.index])


@check("mrtr.answers.wrong", "mrtr.responses.validated")
async def wrong(peer: Peer) -> None:
    """An answer that does not fit the form of its question does not carry the call to its end."""
    call, asked = await _need_completed(peer)
    for spoiled in _UNFIT:
        answers = dict.fromkeys(asked.result.get("inputRequests") or {}, spoiled)
        answer = await _answered_with(peer, call, asked, answers, "answers that fit no form")
        if succeeded(answer):
            wanted = f"anything but success of {call.tool['name']} for the answer {spoiled}"
            raise Mismatch(wanted, answer.describe(), [answer.entry.index])


@check("mrtr.answers.more", "mrtr.responses.unknown")
async def more(peer: Peer) -> None:
    """An answer to a question that was not asked is passed over, and those beside it count."""
    call, asked = await _need_completed(peer)
    params = retry_params(call, asked)
    answers = {**params["inputResponses"], "touchstone-unasked": {"action": "accept", "content": {}}}
    answer = await _answered_with(peer, call, asked, answers)
    if not succeeded(await answered(peer, call, answer) if asks(answer) else answer):
        wanted = f"the result of {call.tool['name']} that comes without the further answer"
        raise Mismatch(wanted, answer.describe(), [answer.entry.index])


@check("mrtr.answers.fewer", "mrtr.responses.missing")
async def fewer(peer: Peer) -> None:
    """Who is not given an answer that it needs asks again, and does not fail."""
    call, asked = await _need_completed(peer)
    answer = await _answered_with(peer, call, asked, {})
    if succeeded(answer):
        raise Blocked(f"{call.tool['name']} can do without the answer")
    if not asks(answer):
        raise Mismatch("the question again", answer.describe(), [answer.entry.index])


async def _need_completed(peer: Peer) -> tuple[ToolCall, Answer]:
    """Return a call with the question of a tool that ends well when it is answered. Raises `Blocked` without one."""
    async for call, asked in questions(peer):
        if asked.result.get("inputRequests") and succeeded(await answered(peer, call, asked)):
            again = await peer.request("tools/call", call.params, meta=DECLARED)
            if asks(again):
                return call, again
    await need_question(peer)
    raise Blocked("no tool that asks for input completes with the simplest answers")


async def _answered_with(peer: Peer, call: ToolCall, asked: Answer, answers: Any, defect: str | None = None) -> Answer:
    """Send a call again with other answers than the right ones."""
    params = {**retry_params(call, asked), "inputResponses": answers}
    return await peer.call(peer.message("tools/call", params, meta=DECLARED), defect=defect)
