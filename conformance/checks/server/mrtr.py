"""Checks of `basic/patterns/mrtr`: a request that is asked back for input, and is sent again.

The stimulus is a tool that asks for elicitation as soon as the client declares it. We declare it for these calls only,
and accept what is asked with the simplest answer that its form allows.
"""

from __future__ import annotations

from typing import Any

from conformance.calling import answers, succeeded
from conformance.check import check
from conformance.expect import Blocked, Mismatch
from conformance.links import Answer
from conformance.peer import Peer
from conformance.samples import simplest
from conformance.surface import ToolCall
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES

_ROUNDS = 8
_DECLARED: dict[str, Any] = {CLIENT_CAPABILITIES: {"elicitation": {"form": {}}}}
_FORGED = "touchstone-never-issued"


@check("mrtr.retry", "mrtr.retry")
async def retry(peer: Peer) -> None:
    """A call that is sent again with its answers and its state comes to an end."""
    call, asked = await _need_question(peer)
    answer = await _answered(peer, call, asked)
    if answer.error is not None:
        raise Mismatch(f"a result of {call.tool['name']} once everything was answered", answer.describe())


@check("mrtr.state", "mrtr.state.verified")
async def forged_state(peer: Peer) -> None:
    """A state that the server never gave out does not carry a call to its end, where the true one does."""
    call, asked = await _need_question(peer)
    if not isinstance(asked.result.get("requestState"), str):
        raise Blocked(f"{call.tool['name']} asks for input without a requestState")
    if not succeeded(await _answered(peer, call, asked)):
        raise Blocked(f"{call.tool['name']} does not complete with the simplest answers")
    params = {**_retry_params(call, asked), "requestState": _FORGED}
    message = peer.message("tools/call", params, meta=_DECLARED)
    answer = await peer.call(message, defect="a requestState of nobody's")
    if succeeded(answer):
        raise Mismatch(
            "an error, or the question again, for a requestState that was never given out", answer.describe()
        )


async def _need_question(peer: Peer) -> tuple[ToolCall, Answer]:
    """Call tools until one asks for elicitation alone. Raises `Blocked` if none does."""
    async for call, plain in answers(peer):
        if succeeded(plain):
            continue
        answer = await peer.request("tools/call", call.params, meta=_DECLARED)
        if _asks(answer) and _answers(answer) is not None:
            return call, answer
    raise Blocked("no tool that may be called asks for input that a form can give")


async def _answered(peer: Peer, call: ToolCall, asked: Answer) -> Answer:
    """Send a call again with answers until it asks no more."""
    for _ in range(_ROUNDS):
        asked = await peer.request("tools/call", _retry_params(call, asked), meta=_DECLARED)
        if not _asks(asked) or _answers(asked) is None:
            break
    return asked


def _asks(answer: Answer) -> bool:
    return isinstance(answer.result, dict) and answer.result.get("resultType") == "input_required"


def _retry_params(call: ToolCall, asked: Answer) -> dict[str, Any]:
    params: dict[str, Any] = {**call.params, "inputResponses": _answers(asked) or {}}
    state = asked.result.get("requestState")
    return params if state is None else params | {"requestState": state}


def _answers(asked: Answer) -> dict[str, Any] | None:
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
