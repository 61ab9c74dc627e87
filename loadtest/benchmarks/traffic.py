"""What is sent and what has to come back: calls with an id and a text that no other call has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from reference_impl.protocol.lifecycle import initialize_params, request_meta
from reference_impl.protocol.messages import Notification, Request
from reference_impl.protocol.revisions import LATEST, Revision

__all__ = [
    "FIRST",
    "INITIALIZED",
    "Judge",
    "Traffic",
    "WrongAnswerError",
    "hello",
    "judged_events",
    "judged_json",
    "template",
]

FIRST = 1_000_000_000
"""Ids begin here, so that all messages are of one length and no head has to be made anew."""
_CLIENT = {"name": "benchmark", "version": "1"}
INITIALIZED = Notification("notifications/initialized")
_PROGRESS = "notifications/progress"

Judge = Callable[[bytes, int], bool]
"""Takes a body and the number of its call; tells whether it is exactly what has to come back."""


class WrongAnswerError(Exception):
    """A server did not answer what it was asked: its speed is no figure."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Calls of one tool. `argument` is the one that takes the text; with `progress` each call asks for it."""

    revision: Revision
    tool: str = "echo"
    argument: str = "text"
    progress: bool = False

    def first(self) -> Request:
        """Return the first call; the others differ in its number alone."""
        meta: dict[str, Any] = request_meta(self.revision, _CLIENT) if self.revision.modern else {}
        if self.progress:
            meta["progressToken"] = FIRST
        params = {"name": self.tool, "arguments": {self.argument: f"hello {FIRST}"}}
        return Request(FIRST, "tools/call", params | ({"_meta": meta} if meta else {}))


def template(data: bytes) -> tuple[bytes, int]:
    """Return bytes that hold the first call with `%d` where its number stands, and how often it stands there."""
    digits = str(FIRST).encode()
    return data.replace(b"%", b"%%").replace(digits, b"%d"), data.count(digits)


class _Content(msgspec.Struct):
    text: str


class _Result(msgspec.Struct):
    content: list[_Content]


class _Answer(msgspec.Struct):
    id: int
    result: _Result


class _Event(msgspec.Struct):
    method: str
    params: dict[str, Any] = {}


_answer = msgspec.json.Decoder(_Answer).decode
_event = msgspec.json.Decoder(_Event).decode


def judged_json(body: bytes, number: int) -> bool:
    """Judge one JSON object: the right id, and the text that was sent."""
    try:
        answer = _answer(body)
    except msgspec.MsgspecError:
        return False
    # The end of it: one of the peers puts a word before what it echoes.
    return answer.id == number and answer.result.content[0].text.endswith(f"hello {number}")


def judged_events(notifications: int) -> Judge:
    """Return the judge of an event stream: so many progress notifications of this call, then its answer."""

    def judge(body: bytes, number: int) -> bool:
        events = [line[6:] for line in body.splitlines() if line.startswith(b"data: {")]
        if len(events) != notifications + 1 or not judged_json(events[-1], number):
            return False
        told = map(_event, events[:-1])
        return all(one.method == _PROGRESS and one.params.get("progressToken") == number for one in told)

    return judge


def hello(revision: Revision) -> Request:
    """Return the request that opens a legacy session."""
    return Request(0, "initialize", initialize_params(revision, _CLIENT, {}))


def discovery() -> Request:
    """Return the request that a modern client begins with."""
    return Request(0, "server/discover", {"_meta": request_meta(LATEST, _CLIENT)})
