"""What a client tells of itself: calls of a tool that no list has, so that only one that knows of it makes them.

What a client needs, and what it makes of a result, does not show on the wire. One that calls `touchstone_note` says it:
`{"need": METHOD, "uri": URI}` before it turns to its cache or the server for a list or a resource, `{"took": TOOL}` or
`{"refused": TOOL}` after it has or has not taken the result of a call for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from conformance.clients.offer import complete
from conformance.clients.reply import Reply
from conformance.clients.said import said
from conformance.clients.scenario import Turn
from conformance.transcript import Conversation, Entry

__all__ = ["NOTE", "Note", "acknowledged", "notes"]

NOTE = "touchstone_note"


@dataclass(frozen=True, slots=True)
class Note:
    """What a client noted, and where."""

    entry: Entry
    what: dict[str, Any]


def acknowledged(turn: Turn) -> Reply | None:
    """Return the answer to a note; None where the client said something else."""
    if not turn.is_request or turn.method != "tools/call" or turn.params.get("name") != NOTE:
        return None
    return turn.result(complete(turn.scene.revision, {"content": []}, caches=False))


def notes(conversation: Conversation) -> Iterator[Note]:
    """Every note of the client, in order."""
    for item in said(conversation):
        arguments = item.params.get("arguments")
        if item.method == "tools/call" and item.params.get("name") == NOTE and isinstance(arguments, dict):
            yield Note(item.entry, arguments)
