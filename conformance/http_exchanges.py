"""Transcripts of Streamable HTTP seen as exchanges: a request, its reply's head, and the messages in its body."""

from __future__ import annotations

from dataclasses import dataclass

from conformance.transcript import Conversation, Direction, Entry, HttpBody
from reference_impl.protocol.streamable import LAST_EVENT_ID, SESSION_ID, SSE_TYPE, media_type

__all__ = ["Exchange", "exchanges"]

_UNREAD = HttpBody(ended=False)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP request that got a reply. `messages` are the bodies or events that came, in order."""

    sent: Entry
    reply: Entry
    messages: tuple[Entry, ...]
    body: HttpBody

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.sent.head.start.partition(" ")[0] if self.sent.head else ""

    @property
    def status(self) -> int:
        """The HTTP status."""
        return (self.reply.head.status if self.reply.head else None) or 0

    @property
    def accepted(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    @property
    def media_type(self) -> str:
        """The content type of the reply without parameters, lower case; of a doubled one the first."""
        return media_type((self.header("content-type") or "").partition(",")[0])

    @property
    def streams(self) -> bool:
        """Whether the reply is a stream of events."""
        return self.media_type == SSE_TYPE

    @property
    def resumes(self) -> bool:
        """Whether the request takes up an earlier stream, whose messages may then come again."""
        return self.named(LAST_EVENT_ID) is not None

    @property
    def session(self) -> str | None:
        """The session that the exchange belongs to: the one named by the request, or opened by the reply."""
        return self.named(SESSION_ID) or self.header(SESSION_ID)

    def named(self, name: str) -> str | None:
        """Return the first value of a header of the request (its name in lower case), or None."""
        return self.sent.head.get(name) if self.sent.head else None

    def header(self, name: str) -> str | None:
        """Return the first value of a header of the reply (its name in lower case), or None."""
        return self.reply.head.get(name) if self.reply.head else None

    @property
    def evidence(self) -> list[int]:
        """The entries that show it."""
        return [self.sent.index, self.reply.index, *(entry.index for entry in self.messages[:4])]

    def describe(self) -> str:
        """Return the reply in a line, for a failure's `actual`."""
        body = b" ".join(entry.data for entry in self.messages).decode("utf-8", "replace")
        return f"HTTP {self.status} ({self.media_type or 'no content type'}): {body[:200] or 'an empty body'}"


def exchanges(conversation: Conversation) -> list[Exchange]:
    """Return the exchanges of a conversation that got a reply, in the order of their requests."""
    sent: dict[int, Entry] = {}
    heads: dict[int, Entry] = {}
    messages: dict[int, list[Entry]] = {}
    for entry in conversation.entries:
        if entry.exchange and entry.direction is Direction.SENT:
            sent[entry.exchange] = entry
        elif entry.exchange and entry.head is not None:
            heads[entry.exchange] = entry
        elif entry.exchange:
            messages.setdefault(entry.exchange, []).append(entry)
    return [
        Exchange(entry, heads[number], tuple(messages.get(number, ())), conversation.bodies.get(number, _UNREAD))
        for number, entry in sent.items()
        if number in heads
    ]
