"""What went over the wire, in order, before anybody interpreted it.

Every conversation with a target is recorded as entries; checks assert on answers, monitors judge whole transcripts,
and a failure shows its slice of them as evidence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

T = TypeVar("T")

__all__ = ["NO_JSON", "TARGET", "Conversation", "Direction", "Entry", "EventMark", "HttpBody", "HttpHead", "owner"]

TARGET = "the target"
"""The owner of what the target said without being asked."""

owner: ContextVar[str | None] = ContextVar("owner", default=None)
"""The check or property on whose behalf the running task speaks; entries remember it."""


class Direction(Enum):
    """Who produced the bytes of an entry."""

    SENT = "sent"
    RECEIVED = "received"
    STDERR = "stderr"
    PROCESS = "process"


class _NoJson:
    """Stands where bytes are no JSON text (None is a JSON value)."""

    def __repr__(self) -> str:
        return "<no JSON>"


NO_JSON = _NoJson()


@dataclass(frozen=True, slots=True)
class HttpHead:
    """The head of an HTTP message: `start` is the request or status line, `headers` have lower-case names."""

    start: str
    headers: tuple[tuple[str, str], ...]
    status: int | None = None

    def get(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class EventMark:
    """What a server-sent event carried beside a message: its own id (not one in force from before), whether it had
    data, and the milliseconds of its `retry` field."""

    id: str | None = None
    data: bool = False
    retry: int | None = None


@dataclass(frozen=True, slots=True)
class HttpBody:
    """How the body of an HTTP reply came.

    `ended`: it came to its end. `lingered`: it was still open a moment after its JSON-RPC response, and we left it.
    """

    ended: bool
    lingered: bool = False
    events: tuple[EventMark, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that crossed the wire.

    `at` counts seconds from the start of the conversation. `value` is the decoded JSON or `NO_JSON`. `exchange`
    numbers the HTTP exchange (0 on stdio). `defect` names what was deliberately wrong with bytes that we sent, so that
    monitors do not hold a well-deserved error against the target. `aside` is the place of what went beside the
    protocol, such as a request for a token: a path, or the name of another server. `connection` numbers the processes
    or sockets of one conversation, where there may be several.
    """

    index: int
    at: float
    direction: Direction
    data: bytes
    value: Any = NO_JSON
    exchange: int = 0
    head: HttpHead | None = None
    owner: str | None = None
    defect: str | None = None
    aside: str = ""
    connection: int = 0

    @property
    def is_message(self) -> bool:
        """Whether the entry holds one JSON object, and no HTTP head."""
        return isinstance(self.value, dict)

    def is_request(self) -> bool:
        """Whether the entry asks for an answer."""
        return self.is_message and "method" in self.value and "id" in self.value

    def is_notification(self) -> bool:
        """Whether the entry is a one-way message."""
        return self.is_message and "method" in self.value and "id" not in self.value

    def is_response(self) -> bool:
        """Whether the entry answers a request."""
        return self.is_message and "method" not in self.value and ("result" in self.value or "error" in self.value)


@dataclass(slots=True)
class Conversation:
    """The entries of one connection, with the facts that monitors need to judge them.

    `transport` is "stdio", "http" or "memory"; `revision` the name of the revision spoken, or None before it is known;
    `capabilities` what the target declared in it; `bodies` the facts about HTTP replies by the number of the exchange.
    """

    transport: str
    purpose: str
    revision: str | None = None
    capabilities: dict[str, Any] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    bodies: dict[int, HttpBody] = field(default_factory=dict)
    _start: float = field(default_factory=time.perf_counter)
    _derived: dict[Callable[[Conversation], Any], tuple[Any, Any]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def began(self) -> float:
        """When it began, by the clock of `time.perf_counter`: what several conversations are put in order by."""
        return self._start

    def record(  # noqa: PLR0913 - an entry has that many parts
        self,
        direction: Direction,
        data: bytes,
        value: Any = NO_JSON,
        *,
        exchange: int = 0,
        head: HttpHead | None = None,
        owned_by: str | None = None,
        defect: str | None = None,
        aside: str = "",
        connection: int = 0,
    ) -> Entry:
        """Append an entry and return it."""
        who = owned_by or owner.get()
        at = time.perf_counter() - self._start
        entry = Entry(len(self.entries), at, direction, data, value, exchange, head, who, defect, aside, connection)
        self.entries.append(entry)
        return entry

    def once(self, derive: Callable[[Conversation], T]) -> T:
        """Return what a function makes of the conversation, made once for as long as nothing more is said.

        Some sixty monitors read one transcript after another, many of them by the same reading.
        """
        said = (len(self.entries), self.entries[-1] if self.entries else None, self.revision)
        held = self._derived.get(derive)
        if held is None or held[0][0] != said[0] or held[0][1] is not said[1] or held[0][2] != said[2]:
            held = self._derived[derive] = (said, derive(self))
        made: T = held[1]
        return made

    def received(self) -> Iterable[Entry]:
        """The entries that the target produced on the protocol's channel."""
        return (entry for entry in self.entries if entry.direction is Direction.RECEIVED and not entry.aside)

    def repeats(self, entry: Entry) -> bool:
        """Whether what the target said is a message that we had sent, word for word."""
        return entry.is_message and "method" in entry.value and any(sent.value == entry.value for sent in self.sent())

    def sent(self) -> Iterable[Entry]:
        """The entries that we produced."""
        return (entry for entry in self.entries if entry.direction is Direction.SENT and not entry.aside)

    def beside(self, place: str | None = None) -> Iterable[Entry]:
        """What went beside the protocol, both ways: at one place, or at all."""
        return (entry for entry in self.entries if entry.aside and place in (None, entry.aside))

    def owned_by(self, who: str) -> list[Entry]:
        """The entries that belong to one check."""
        return [entry for entry in self.entries if entry.owner == who]
