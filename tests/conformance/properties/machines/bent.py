"""Servers that are right about every single message, and wrong about what came before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fixtures.miniatures.bend import Bend, HttpOut, Message
from fixtures.miniatures.http_bends import when
from reference_impl.protocol.messages import decode_json, encode_json

__all__ = ["STATEFUL", "Wrong"]

_CANCELLED = "notifications/cancelled"


class _LosesTheNext:
    """Takes the request after a cancellation for the one that was cancelled."""

    def __init__(self) -> None:
        self._cancelled = False

    def instead(self, message: Message) -> list[Message] | None:
        """Take a message."""
        if message.get("method") == _CANCELLED:
            self._cancelled = True
        elif "id" in message and self._cancelled:
            self._cancelled = False
            return []
        return None


class _CancelsForAll:
    """Refuses ids that were cancelled, in whichever conversation."""

    def __init__(self) -> None:
        self._cancelled: set[object] = set()

    def instead(self, message: Message) -> list[Message] | None:
        """Take a message."""
        if message.get("method") == _CANCELLED:
            self._cancelled.add(message["params"]["requestId"])
        if "method" in message and message.get("id") in self._cancelled:
            return [_error(message, "Request cancelled")]
        return None


class _RemembersIds:
    """Refuses ids that another conversation has used, though that may have ended."""

    def __init__(self) -> None:
        self._used: dict[object, object] = {}

    def anew(self) -> Bend:
        """Begin a conversation."""
        conversation = object()

        def instead(message: Message) -> list[Message] | None:
            if "method" not in message or "id" not in message:
                return None
            first = self._used.setdefault(message["id"], conversation)
            return None if first is conversation else [_error(message, "Duplicate request id")]

        return Bend(instead=instead)


class _OneAnswerPerId:
    """Keeps the answer to each request id of a call, whoever asked."""

    def __init__(self) -> None:
        self._answers: dict[object, Message] = {}

    def reply(self, request: Message, response: Message) -> Message:
        """Return the first answer to that id."""
        if request.get("method") != "tools/call":
            return response
        return self._answers.setdefault(request["id"], response)


class _SpendsCursors:
    """Forgets a cursor once it was used: the second time it leads to an empty last page."""

    def __init__(self) -> None:
        self._spent: set[object] = set()

    def reply(self, request: Message, response: Message) -> Message:
        """Answer."""
        cursor = (request.get("params") or {}).get("cursor")
        if request.get("method") != "prompts/list" or cursor is None or "result" not in response:
            return response
        if cursor in self._spent:
            return response | {"result": {**response["result"], "prompts": []}}
        self._spent.add(cursor)
        return response


class _OneWalk:
    """Counts pages for the conversation and not for the cursor: who begins anew in between loses an item."""

    def __init__(self) -> None:
        self._begun = 0

    def reply(self, request: Message, response: Message) -> Message:
        """Answer."""
        if request.get("method") != "prompts/list" or "result" not in response:
            return response
        result = response["result"]
        first = "cursor" not in (request.get("params") or {})
        self._begun = max(0, self._begun + (1 if first else -1))
        if first or self._begun == 0:
            return response
        return response | {"result": {**result, "prompts": result["prompts"][1:]}}


class _OneSubscription:
    """Has room for one subscription: the second of a conversation breaks the next request."""

    def __init__(self) -> None:
        self._subscribed = 0

    def instead(self, message: Message) -> list[Message] | None:
        """Take a message."""
        if message.get("method") == "resources/subscribe":
            self._subscribed += 1
        elif self._subscribed > 1 and "method" in message and "id" in message:
            self._subscribed = 0
            return [_error(message, "Too many subscriptions")]
        return None


class _FirstStream:
    """Acknowledges each further stream of changes under the id of the first."""

    def __init__(self) -> None:
        self._first: object = None

    def line(self, data: bytes) -> bytes:
        """Write a line."""
        if b"subscriptions/acknowledged" not in data:
            return data
        message: Any = decode_json(data)
        meta = message["params"]["_meta"]
        name = next(key for key in meta if key.endswith("subscriptionId"))
        self._first = meta[name] if self._first is None else self._first
        meta[name] = self._first
        return encode_json(message)


class _WearsOut:
    """A tool that only reads, and works but once."""

    def __init__(self) -> None:
        self._used = False

    def reply(self, request: Message, response: Message) -> Message:
        """Answer."""
        if request.get("method") != "tools/call" or request["params"].get("name") != "echo":
            return response
        used, self._used = self._used, True
        failed = {"content": [{"type": "text", "text": "exhausted"}], "isError": True}
        return response | {"result": {**response["result"], **failed}} if used else response


class _WaitsForAnswers:
    """Is held up by a question that nobody has answered: everything else is refused meanwhile."""

    def __init__(self) -> None:
        self._asked: object = None

    def reply(self, request: Message, response: Message) -> Message:
        """Answer."""
        result = response.get("result")
        if isinstance(result, dict) and result.get("resultType") == "input_required":
            self._asked = request["params"].get("name")
        elif self._asked is not None and (request.get("params") or {}).get("name") == self._asked:
            self._asked = None
        elif self._asked is not None:
            return _error(request, "Busy")
        return response


def _error(request: Message, text: str) -> Message:
    return {"jsonrpc": "2.0", "id": request["id"], "error": {"code": -32603, "message": text}}


def _in_each(make: Callable[[], Any], *hooks: str) -> Bend:
    """Return a bend with fresh memory in each conversation."""

    def anew() -> Bend:
        made = make()
        return Bend(**{hook: getattr(made, hook) for hook in hooks})

    return Bend(anew=anew)


def _shared(made: Any, *hooks: str) -> Bend:
    """Return a bend whose memory all conversations share."""
    return Bend(**{hook: getattr(made, hook) for hook in hooks})


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong, the property that finds it, and the steps that suffice to show it: their moves, in order."""

    bend: Bend
    found_by: str
    steps: tuple[str, ...]
    revision: str = "2025-11-25"
    over: str = "memory"


_MODERN = "2026-07-28"
STATEFUL: dict[str, Wrong] = {
    "the answer after a cancellation is lost": Wrong(
        _in_each(_LosesTheNext, "instead"), "property.session", ("cancel",)
    ),
    "a cancellation meets another conversation": Wrong(
        _shared(_CancelsForAll(), "instead"), "property.conversations", ("cancel elsewhere",)
    ),
    "a session outlives DELETE": Wrong(
        Bend(request=when(lambda http: http.method == "DELETE", lambda _http: HttpOut(204))),
        "property.session",
        ("delete", "ask"),
        over="http",
    ),
    "ids are remembered after the end": Wrong(
        _shared(_RemembersIds(), "anew"), "property.session", ("ask", "leave", "ask")
    ),
    "conversations share answers by id": Wrong(
        _shared(_OneAnswerPerId(), "reply"), "property.conversations", ("ask together",)
    ),
    "a cursor is spent by its use": Wrong(_in_each(_SpendsCursors, "reply"), "property.pagination", ("turn the page",)),
    "walks disturb each other": Wrong(
        _in_each(_OneWalk, "reply"), "property.pagination", ("turn the page", "turn the page")
    ),
    "a second subscription breaks what follows": Wrong(
        _in_each(_OneSubscription, "instead"), "property.session", ("ask", "ask")
    ),
    "a second stream has the name of the first": Wrong(
        _in_each(_FirstStream, "line"), "property.session", ("listen", "listen"), _MODERN
    ),
    "a tool that only reads wears out": Wrong(_in_each(_WearsOut, "reply"), "property.read-only", ("repeat", "repeat")),
    "a question that is dropped holds all up": Wrong(
        _in_each(_WaitsForAnswers, "reply"), "property.session", ("question",), _MODERN
    ),
}
