"""Checks of `basic/patterns/mrtr`: a request that is asked back for input, and is sent again.

The stimulus is a tool that asks for elicitation as soon as the client declares it. We declare it for these calls only,
and accept what is asked with the simplest answer that its form allows.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from conformance.calling import answers, succeeded
from conformance.check import check
from conformance.expect import Blocked, Mismatch
from conformance.links import Answer
from conformance.peer import Peer
from conformance.samples import simplest
from conformance.surface import ToolCall
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES

__all__ = ["DECLARED", "answered", "answers_to", "asks", "need_question", "questions", "retry_params"]

_ROUNDS = 8
_KNOWN = "input_required"
"""Part of the names that conformance suites have for tools that ask; many come late in a long list."""
DECLARED: dict[str, Any] = {CLIENT_CAPABILITIES: {"elicitation": {"form": {}}}}
_FORGED = "touchstone-never-issued"


@check("mrtr.retry", "mrtr.retry")
async def retry(peer: Peer) -> None:
    """A call that is sent again with its answers and its state comes to an end."""
    call, asked = await need_question(peer)
    answer = await answered(peer, call, asked)
    if answer.error is not None:
        raise Mismatch(f"a result of {call.tool['name']} once everything was answered", answer.describe())


@check("mrtr.state", "mrtr.state.verified")
async def forged_state(peer: Peer) -> None:
    """A state that the server never gave out does not carry a call to its end, where the true one does."""
    call, asked = await need_question(peer)
    if not isinstance(asked.result.get("requestState"), str):
        raise Blocked(f"{call.tool['name']} asks for input without a requestState")
    if not succeeded(await answered(peer, call, asked)):
        raise Blocked(f"{call.tool['name']} does not complete with the simplest answers")
    params = {**retry_params(call, asked), "requestState": _FORGED}
    message = peer.message("tools/call", params, meta=DECLARED)
    answer = await peer.call(message, defect="a requestState of nobody's")
    if succeeded(answer):
        raise Mismatch(
            "an error, or the question again, for a requestState that was never given out", answer.describe()
        )


async def need_question(peer: Peer) -> tuple[ToolCall, Answer]:
    """Call tools until one asks for elicitation alone. Raises `Blocked` if none does."""
    async for asked in questions(peer):
        return asked
    raise Blocked("no tool that may be called asks for input that a form can give")


async def questions(peer: Peer) -> AsyncIterator[tuple[ToolCall, Answer]]:
    """Each tool that asks for elicitation alone, with its question. Raises as `calling.answers` does."""
    likely: list[ToolCall] = [call async for call, plain in answers(peer) if not succeeded(plain)]
    names = {call.tool["name"] for call in likely}
    known = [call for call in peer.surface.calls() if _KNOWN in call.tool["name"] and call.tool["name"] not in names]
    for call in (*likely, *known):
        answer = await peer.request("tools/call", call.params, meta=DECLARED)
        if asks(answer) and answers_to(answer) is not None:
            yield call, answer


async def answered(peer: Peer, call: ToolCall, asked: Answer) -> Answer:
    """Return what a call comes to when it is sent again with answers until it asks no more."""
    for _ in range(_ROUNDS):
        asked = await peer.request("tools/call", retry_params(call, asked), meta=DECLARED)
        if not asks(asked) or answers_to(asked) is None:
            break
    return asked


def asks(answer: Answer) -> bool:
    """Whether an answer asks for input."""
    return isinstance(answer.result, dict) and answer.result.get("resultType") == "input_required"


def retry_params(call: ToolCall, asked: Answer) -> dict[str, Any]:
    """Return the params of a call that is sent again with its answers and its state."""
    params: dict[str, Any] = {**call.params, "inputResponses": answers_to(asked) or {}}
    state = asked.result.get("requestState")
    return params if state is None else params | {"requestState": state}


def answers_to(asked: Answer) -> dict[str, Any] | None:
    """Return an answer for each input request; None if one is no form, or no form that we can fill."""
    requests = asked.result.get("inputRequests") or {}
    found: dict[str, Any] = {}
    for key, request in requests.items():
        params = request.get("params") if isinstance(request, dict) else None
        form = params.get("requestedSchema") if isinstance(params, dict) else None
        content = simplest(form)
        if form is None or request.get("method") != "elicitation/create" or not isinstance(content, dict):
            return None
        found[key] = {"action": "accept", "content": content}
    return found
