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
from conformance.clients.said import Said, said
from conformance.clients.scenario import Turn
from conformance.expect import Blocked
from conformance.transcript import Conversation, Entry

__all__ = [
    "ENDED",
    "EXIT",
    "NOTE",
    "Note",
    "acknowledged",
    "called",
    "end_of",
    "noted",
    "notes",
    "refused",
    "silent_after",
]

NOTE = "touchstone_note"
EXIT, ENDED = b"exit status ", b"ended by us"
"""How the transcript begins to tell that a client ended by itself, and that it had to be ended."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a client noted, and where; `answer` is ours."""

    entry: Entry
    what: dict[str, Any]
    answer: Entry | None = None


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
            yield Note(item.entry, arguments, item.answer)


def called(conversation: Conversation, name: str) -> Said:
    """Return the call of a tool. Raises `Blocked` without one that was answered."""
    for item in said(conversation):
        if item.method == "tools/call" and item.params.get("name") == name and item.answer is not None:
            return item
    raise Blocked(f"the client did not call the tool {name}")


def end_of(conversation: Conversation) -> bytes:
    """How the client ended."""
    ends = [entry.data for entry in conversation.entries if entry.data.startswith((EXIT, ENDED))]
    return ends[-1] if ends else b""


def silent_after(conversation: Conversation, index: int) -> bool:
    """Whether the client asked for nothing more."""
    return not any(item.is_request and item.entry.index > index for item in said(conversation))


def noted(conversation: Conversation, name: str) -> bool | None:
    """Whether the client says that it took the result of a tool; None where it says nothing."""
    for note in notes(conversation):
        if name in (note.what.get("took"), note.what.get("refused")):
            return note.what.get("took") == name
    return None


def refused(conversation: Conversation, name: str) -> bool:
    """Whether the client refused the result of a tool. Raises `Blocked` where it did not call it."""
    call = called(conversation, name)
    assert call.answer is not None
    told = noted(conversation, name)
    if told is not None:
        return not told
    failed = end_of(conversation).startswith(EXIT) and end_of(conversation) != EXIT + b"0"
    return failed and silent_after(conversation, call.answer.index)
