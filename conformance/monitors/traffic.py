"""What monitors share: the messages of a transcript, and which answer belongs to which request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.expect import brief
from conformance.transcript import Conversation, Direction, Entry
from reference_impl.protocol.revisions import Revision, revision_named

__all__ = ["Asked", "Key", "answers", "key", "messages", "notifications", "requests", "responses", "revision_of"]

Key = tuple[str, object]
"""A request id or progress token with its JSON type: "1" is not 1."""


@dataclass(slots=True)
class Asked:
    """A request that we sent, and the entry of its answer, where one came."""

    entry: Entry
    message: dict[str, Any]
    answer: Entry | None = None

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

    def open_at(self, entry: Entry) -> bool:
        """Whether it had been sent but not answered when `entry` came."""
        return self.entry.index < entry.index and (self.answer is None or entry.index < self.answer.index)


def key(identifier: Any) -> Key:
    """Return an id for comparison. JSON has one type of numbers: 1.0 is 1."""
    if isinstance(identifier, float) and identifier.is_integer():
        identifier = int(identifier)
    known = isinstance(identifier, str | int | float | None)
    return type(identifier).__name__, identifier if known else brief(identifier)


def messages(entry: Entry) -> Iterator[dict[str, Any]]:
    """The JSON objects of an entry: itself, or the items of a batch."""
    items = entry.value if isinstance(entry.value, list) else [entry.value]
    return (item for item in items if isinstance(item, dict))


def _received(conversation: Conversation) -> Iterator[tuple[Entry, dict[str, Any]]]:
    for entry in conversation.entries:
        if entry.direction is Direction.RECEIVED:
            for message in messages(entry):
                yield entry, message


def answers(entry: Entry) -> Iterator[dict[str, Any]]:
    """The JSON objects of an entry that was received and that are shaped like answers."""
    if entry.direction is Direction.RECEIVED:
        for message in messages(entry):
            if "method" not in message and ("result" in message or "error" in message):
                yield message


def responses(conversation: Conversation) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Everything received that is shaped like an answer, with its entry."""
    for entry in conversation.entries:
        for message in answers(entry):
            yield entry, message


def notifications(conversation: Conversation) -> Iterator[tuple[Entry, dict[str, Any], dict[str, Any]]]:
    """Every notification received, with its params (an empty object where it has none)."""
    for entry, message in _received(conversation):
        if isinstance(message.get("method"), str) and "id" not in message:
            params = message.get("params")
            yield entry, message, params if isinstance(params, dict) else {}


def requests(conversation: Conversation) -> tuple[Asked, ...]:
    """Every request that we sent with an id, each with its first answer."""
    return conversation.once(_requests)


def _requests(conversation: Conversation) -> tuple[Asked, ...]:
    asked = [
        Asked(entry, message)
        for entry in conversation.entries
        if entry.direction is Direction.SENT
        for message in messages(entry)
        if "method" in message and message.get("id") is not None
    ]
    waiting: dict[Key, list[Asked]] = {}
    for request in asked:
        waiting.setdefault(key(request.message["id"]), []).append(request)
    for entry, message in responses(conversation):
        for request in waiting.get(key(message.get("id")), ()):
            if request.answer is None and request.entry.index < entry.index:
                request.answer = entry
                break
    return tuple(asked)


def revision_of(conversation: Conversation) -> Revision | None:
    """Return the revision that was spoken, or None where none was agreed on."""
    return revision_named(conversation.revision)
