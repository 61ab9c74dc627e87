"""What we answer when a target asks its client: the simplest form, a short sample, no roots. Pure.

Before 2026-07-28 such questions are requests on the channel; since then they stand in a result (`inputRequests`), and
their answers go with the request that is sent again (`basic/patterns/mrtr#basic-workflow`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import msgspec

__all__ = ["ANSWERS", "answers_to", "asked"]

_Params = dict[str, Any]


def _elicited(params: _Params) -> _Params:
    """Accept a form with the simplest content that it allows; decline what has none, such as a page to visit."""
    content = _content(json.dumps(params.get("requestedSchema")))
    return {"action": "decline"} if content is None else {"action": "accept", "content": content}


@functools.lru_cache(maxsize=256)
def _content(form: str) -> _Params | None:
    """Return content for a form, given as JSON: the same one is asked thousands of times."""
    from conformance.samples import simplest  # only for those who are asked

    content = simplest(json.loads(form))
    return content if isinstance(content, dict) else None


def _sampled(params: _Params) -> _Params:
    del params
    content = {"type": "text", "text": "touchstone"}
    return {"role": "assistant", "content": content, "model": "touchstone", "stopReason": "endTurn"}


def _roots(params: _Params) -> _Params:
    del params
    return {"roots": []}


ANSWERS: dict[str, Callable[[_Params], _Params]] = {
    "elicitation/create": _elicited,
    "sampling/createMessage": _sampled,
    "roots/list": _roots,
}
"""By method, what the params of a question are answered with."""


class _Result(msgspec.Struct, frozen=True, rename="camel"):
    result_type: str = "complete"
    input_requests: dict[str, Any] | None = None
    request_state: Any = msgspec.UNSET


class _Answer(msgspec.Struct, frozen=True):
    result: _Result = _Result()


_answer = msgspec.json.Decoder(_Answer)


def asked(message: bytes | str | None) -> _Result | None:
    """Return the result that asks for input, if a message is one."""
    data = message.encode() if isinstance(message, str) else message
    if data is None or b"input_required" not in data:
        return None
    try:
        result = _answer.decode(data).result
    except (msgspec.DecodeError, RecursionError):
        return None
    return result if result.result_type == "input_required" else None


def answers_to(question: _Result) -> _Params:
    """Return what goes with the request that is sent again: an answer under each key, and the state as it came."""
    responses = {key: _answer_to(request) for key, request in (question.input_requests or {}).items()}
    further: _Params = {"inputResponses": responses} if responses else {}
    return further if question.request_state is msgspec.UNSET else further | {"requestState": question.request_state}


def _answer_to(request: Any) -> Any:
    method = request.get("method") if isinstance(request, dict) else None
    params = request.get("params") if isinstance(request, dict) else None
    answer = ANSWERS.get(str(method))
    return {} if answer is None else answer(params if isinstance(params, dict) else {})
