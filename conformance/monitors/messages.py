"""Monitors of the envelope: ids of responses."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.check import monitor
from conformance.expect import Mismatch, brief
from conformance.transcript import Conversation


@monitor("base.response-ids", "base.response.id-echo")
def response_ids(conversation: Conversation) -> Iterator[Mismatch | None]:
    """Every response carries the id of a request that was sent before it."""
    asked: list[tuple[type, object]] = []
    for entry in conversation.entries:
        if entry.direction.value == "sent" and entry.is_request():
            asked.append((type(entry.value["id"]), entry.value["id"]))
        elif entry.direction.value == "received" and entry.is_response() and "result" in entry.value:
            identifier = entry.value.get("id")
            if (type(identifier), identifier) in asked:
                yield None
            else:
                yield Mismatch("the id of a request", brief(identifier), [entry.index])
