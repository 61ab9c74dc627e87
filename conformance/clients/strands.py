"""A client that works over several connections or in several sessions side by side, told apart before it is judged.

Ids, handshakes and cursors belong to a session each. What comes one after the other stays together: that is how a
client behaves whose session or server was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby

from conformance.transcript import Conversation, Direction, Entry
from reference_impl.protocol.streamable import SESSION_ID

__all__ = ["strands"]

Strand = str | int | None
"""What tells a connection or session from the others, None for what belongs to none."""


def strands(conversation: Conversation) -> list[Conversation]:
    """Return what was said side by side, a conversation for each session or connection; usually there is one."""
    tell = _teller(conversation)
    heard = [name for entry in conversation.received() if (name := tell[entry.index]) is not None]
    turns = [name for name, _ in groupby(heard)]
    names = list(dict.fromkeys(turns))
    if len(names) == len(turns):
        return [conversation]
    # A probe before the handshake has no session yet: it is judged with those of the others.
    loose = any(tell[entry.index] is None for entry in conversation.received())
    return [_strand(conversation, tell, name) for name in (*names, *([None] if loose else []))]


def _strand(conversation: Conversation, tell: Mapping[int, Strand], name: Strand) -> Conversation:
    kept = [entry for entry in conversation.entries if tell[entry.index] == name or _common(entry, tell)]
    entries = [replace(entry, index=index) for index, entry in enumerate(kept)]
    return replace(conversation, entries=entries)


def _common(entry: Entry, tell: Mapping[int, Strand]) -> bool:
    """Whether something is of the client as a whole: how it ended, what it wrote, what went beside the protocol."""
    outside = entry.direction in (Direction.STDERR, Direction.PROCESS) or entry.aside != ""
    return outside and tell[entry.index] is None


def _teller(conversation: Conversation) -> dict[int, Strand]:
    """Return the session or connection of each entry, by its index."""
    if conversation.transport == "http":
        exchanges = _sessions(conversation.entries)
    elif conversation.transport == "sse":
        exchanges = _streams(conversation.entries)
    else:
        return {entry.index: entry.connection or None for entry in conversation.entries}
    return {entry.index: None if entry.aside else exchanges.get(entry.exchange) for entry in conversation.entries}


def _sessions(entries: Iterable[Entry]) -> dict[int, Strand]:
    """The session of each exchange: the one that the client named, or was given."""
    heads = [(entry.exchange, entry.head.get(SESSION_ID)) for entry in entries if entry.head is not None]
    return {exchange: session for exchange, session in reversed(heads) if session is not None}


def _streams(entries: Iterable[Entry]) -> dict[int, Strand]:
    """The stream of each exchange over HTTP with SSE: the one whose address was posted to, or that it opened."""
    opened: dict[str, int] = {}
    found: dict[int, Strand] = {}
    for entry in entries:
        if entry.direction is Direction.SENT and entry.data.startswith(b"event: endpoint"):
            address = entry.data.split(b"data: ")[1].decode().strip()
            opened["/" + address.split("/", 3)[3] if "://" in address else address] = entry.exchange
            found[entry.exchange] = entry.exchange
        elif entry.head is not None and entry.direction is Direction.RECEIVED:
            stream = opened.get(entry.head.start.split(" ")[1])
            found |= {} if stream is None else {entry.exchange: stream}
    return found
