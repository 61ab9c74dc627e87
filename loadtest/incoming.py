"""What a server says without being asked, or asks itself: told from answers, answered where it must be. No sockets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Struct

from reference_impl.protocol.messages import encode_json

__all__ = [
    "PROGRESS",
    "Notice",
    "answer_to_server",
    "capabilities_for",
    "hear",
    "progress_of",
    "response_id",
    "tell",
]

PROGRESS = "notifications/progress"

_CAPABILITIES = {
    "roots/list": "roots",
    "sampling/createMessage": "sampling",
    "elicitation/create": "elicitation",
}


class Notice(NamedTuple):
    """A notification of the server, or a request of its own (`request_id`), which was answered already.

    `at` is when its bytes came, in seconds of `time.perf_counter`.
    """

    method: str
    params: dict[str, Any]
    at: float
    request_id: int | str | None = None


class _Envelope(Struct, frozen=True):
    id: Any = None
    method: Any = UNSET


_envelope = msgspec.json.Decoder(_Envelope)


def response_id(line: bytes | str) -> int | None:
    """Return the id of an answer, where many wait on one channel; None if the line is none or its id is not ours."""
    try:
        envelope = _envelope.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return envelope.id if envelope.method is UNSET and type(envelope.id) is int else None


def capabilities_for(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the client capabilities that go with the answers to give."""
    return {_CAPABILITIES[method]: {} for method in answers if method in _CAPABILITIES}


def hear(data: bytes | str, at: float, answers: Mapping[str, Any]) -> tuple[Notice | None, bytes | None]:
    """Return what the server said, and the answer to give where it was a request.

    A legacy server may ping at any time and must be answered (`basic/utilities/ping`), of which nobody is told;
    whatever else it asks for is answered from `answers` or refused.
    """
    try:
        message = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None, None
    if not isinstance(message, dict) or not isinstance(message.get("method"), str):
        return None, None
    method, asked = message["method"], message.get("id")
    params = message.get("params")
    notice = Notice(method, params if isinstance(params, dict) else {}, at, asked)
    if asked is None:
        return notice, None
    envelope = {"jsonrpc": "2.0", "id": asked}
    if method == "ping":
        return None, encode_json(envelope | {"result": {}})
    if method in answers:
        answer = answers[method]
        return notice, encode_json(envelope | {"result": answer(notice.params) if callable(answer) else answer})
    return notice, encode_json(envelope | {"error": {"code": -32601, "message": "Method not found"}})


def answer_to_server(data: bytes | str) -> bytes | None:
    """Return the answer to a request of the server, by a client that declared nothing; None to what is none."""
    return hear(data, 0.0, {})[1]


def progress_of(notice: Notice) -> str | None:
    """Return the token of the request whose progress the notice tells of, as text; None where it tells of none."""
    token = notice.params.get("progressToken") if notice.method == PROGRESS else None
    return None if token is None else str(token)


def tell(listener: Callable[[Notice], None] | None, notice: Notice | None) -> None:
    """Hand a notice on, where there is one and somebody listens."""
    if listener is not None and notice is not None:
        listener(notice)
