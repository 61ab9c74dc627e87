"""What judges of clients share: the messages of the client, which era they belong to, and what we answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from conformance.monitors.traffic import key, messages
from conformance.transcript import Conversation, Direction, Entry
from reference_impl.protocol.lifecycle import is_modern_request
from reference_impl.protocol.revisions import Revision, revision_named
from reference_impl.protocol.streamable import SESSION_ID

__all__ = [
    "GIVEN_UP",
    "Said",
    "calls_tools",
    "cancellations",
    "ended",
    "ended_well",
    "http_method",
    "initializes",
    "legacy",
    "modern",
    "of_legacy",
    "offered_version",
    "said",
    "session_of",
    "side_by_side",
    "spoken",
    "went_on",
    "words",
]


_STATUS = b"exit status "
GIVEN_UP = b"nothing more is waited for: the client is ended"
"""Stands where we end a client; what happens to its servers after that is not its own doing."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the client's. `answer` is where our answer to a request stands, None where there was none, and
    `response` that answer itself."""

    entry: Entry
    message: dict[str, Any]
    answer: Entry | None = None
    response: dict[str, Any] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """Its method, "" for a response."""
        method = self.message.get("method")
        return method if isinstance(method, str) else ""

    @property
    def params(self) -> dict[str, Any]:
        """Its params, or nothing."""
        params = self.message.get("params")
        return params if isinstance(params, dict) else {}

    @property
    def meta(self) -> dict[str, Any]:
        """Its metadata, or nothing."""
        meta = self.params.get("_meta")
        return meta if isinstance(meta, dict) else {}

    @property
    def is_request(self) -> bool:
        """Whether it asks for an answer."""
        return "method" in self.message and "id" in self.message

    @property
    def is_modern(self) -> bool:
        """Whether it is of the era without handshake, or asks which era it is."""
        return self.method == "server/discover" or is_modern_request(self.params)

    @property
    def result(self) -> dict[str, Any] | None:
        """The result that we answered with, if we did."""
        result = self.response.get("result")
        return result if isinstance(result, dict) else None


def said(conversation: Conversation) -> list[Said]:
    """Every message of the client, in order, a request with its answer."""
    answers = [
        (entry, message)
        for entry in conversation.entries
        if entry.direction is Direction.SENT
        for message in messages(entry)
        if "method" not in message
    ]
    return [
        Said(entry, message, *_answer(entry, message, answers, of_exchange=conversation.transport == "http"))
        for entry in conversation.received()
        for message in messages(entry)
    ]


def _answer(
    entry: Entry, message: dict[str, Any], answers: list[tuple[Entry, dict[str, Any]]], *, of_exchange: bool
) -> tuple[Entry, dict[str, Any]] | tuple[()]:
    if "method" not in message or "id" not in message:
        return ()
    wanted = key(message["id"])
    later = (item for item in answers if item[0].index > entry.index and key(item[1].get("id")) == wanted)
    return next((item for item in later if not of_exchange or item[0].exchange == entry.exchange), ())


def spoken(conversation: Conversation) -> Revision | None:
    """The revision of the scenario, where the client has taken part in its era."""
    return revision_named(conversation.revision)


def legacy(conversation: Conversation) -> bool:
    """Whether a handshake was begun."""
    revision = spoken(conversation)
    return revision is not None and not revision.modern


def modern(conversation: Conversation) -> bool:
    """Whether a server without handshakes was spoken to as such."""
    revision = spoken(conversation)
    return revision is not None and revision.modern


def of_legacy(conversation: Conversation) -> Iterator[Said]:
    """The messages of the handshake's era; what probes for the other one is left out."""
    if legacy(conversation):
        yield from (item for item in said(conversation) if not item.is_modern)


def initializes(conversation: Conversation) -> list[Said]:
    """Every `initialize` of the client."""
    return [item for item in said(conversation) if item.method == "initialize"]


def offered_version(conversation: Conversation) -> Any:
    """The version that the client offered in its first `initialize`, None without one."""
    return next((item.params.get("protocolVersion") for item in initializes(conversation)), None)


def went_on(conversation: Conversation) -> bool:
    """Whether the client went on after the opening."""
    if modern(conversation):
        return True
    return any(item.method not in ("initialize", "ping", "") for item in of_legacy(conversation))


def http_method(entry: Entry) -> str:
    """The method of the HTTP request that an entry is, "" over standard streams."""
    return entry.head.start.partition(" ")[0] if entry.head is not None else ""


def session_of(entry: Entry) -> str | None:
    """The session id that came with an HTTP request."""
    return entry.head.get(SESSION_ID) if entry.head is not None else None


def words(conversation: Conversation) -> list[str]:
    """What the client asked for, without ids and metadata, and whatever the order."""
    return sorted(
        f"{item.method} {json.dumps({name: value for name, value in item.params.items() if name != '_meta'})}"
        for item in said(conversation)
        if item.is_request
    )


def side_by_side(conversation: Conversation) -> bool:
    """Whether the client seems to be there more than once: what it asked first it asked again, under the same id.

    Where there are no sessions its parts cannot be told apart, though each has ids of its own.
    """
    asked = [(key(item.message["id"]), item.method, item.params) for item in said(conversation) if item.is_request]
    return asked[:1] != [] and asked[0] in asked[1:]


def calls_tools(conversation: Conversation) -> bool:
    """Whether the client calls a tool."""
    return any(item.method == "tools/call" for item in said(conversation))


def cancellations(conversation: Conversation) -> list[Said]:
    """Every notifications/cancelled of the client."""
    return [item for item in said(conversation) if item.method == "notifications/cancelled"]


def ended(conversation: Conversation) -> int | None:
    """The client's exit status, negative for a signal; None where we had to end it."""
    for entry in conversation.entries:
        if entry.direction is Direction.PROCESS and entry.data.startswith(_STATUS):
            return int(entry.data.removeprefix(_STATUS))
    return None


def ended_well(conversation: Conversation) -> bool:
    """Whether the client ended by itself, with status 0."""
    return ended(conversation) == 0
