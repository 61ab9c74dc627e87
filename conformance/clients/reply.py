"""What a scenario answers with: replies of steps that go out one after the other, and raw ones over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from conformance.transcript import HttpHead

__all__ = [
    "CUT",
    "END",
    "End",
    "Event",
    "HttpRequest",
    "Later",
    "Message",
    "Noise",
    "Raw",
    "RawReply",
    "Reply",
    "Step",
    "Wait",
]

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """A message or a batch, and over HTTP what else its event holds; without message an event that has only that."""

    message: Message | list[Message] | None = None
    id: str | None = None
    retry: int | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Wait until something holds, which is asked whenever something was heard: for `seconds` at most, or for as long as
    an answer is waited for. `Wait(seconds=0.7)` is a pause."""

    until: Callable[[], bool] = lambda: False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """Messages that are made when their turn comes, since they hang on what was said before. For their answers only a
    `Wait` waits."""

    make: Callable[[], Iterable[Message]]


@dataclass(frozen=True, slots=True)
class Raw:
    """Bytes that go out as they are: into the stream of events, or to standard output."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Noise:
    """Bytes for the server's standard error. Elsewhere nothing."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The end of it: nothing that follows goes out. Over HTTP the reply ends here, cut off if not `clean`; a server on
    standard streams exits with `status`."""

    clean: bool = True
    status: int = 0


END = End()
CUT = End(clean=False, status=1)

Step = Message | Event | Later | Wait | Raw | Noise | End


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: over HTTP with a status, the id of the session that it opens, and more `headers`.

    `response` is a message, or over HTTP a list of them. `before` goes out before it, and it waits until the questions
    there are answered (`awaits`), though not for ever; `after` goes out after it. `streams`: over HTTP as a stream of
    events (None: where more than one message goes out, or the scenario streams).
    """

    status: int = 202
    response: Any = None
    session: str | None = None
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    awaits: bool = True
    streams: bool | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def questions(self) -> tuple[Any, ...]:
        """The ids of the questions that go out before the response."""
        messages = (step.message if isinstance(step, Event) else step for step in self.before)
        return tuple(message["id"] for message in messages if isinstance(message, dict) and "id" in message)

    @property
    def needs_stream(self) -> bool:
        """Whether it cannot be one piece of JSON."""
        return any(not isinstance(step, Wait | Noise) for step in (*self.before, *self.after))

    def steps(self, answered: Callable[..., bool]) -> Iterator[Step]:
        """All that goes out, in order; `answered` tells whether questions with some ids were."""
        yield from self.before
        if self.awaits and self.questions:
            yield Wait(lambda: answered(*self.questions))
        if self.response is not None:
            yield self.response
        yield from self.after


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """An HTTP request before anybody took it for a message. `listener` is "" for the server itself, or the name of one
    of the scenario's further listeners."""

    head: HttpHead
    body: bytes
    listener: str = ""

    @property
    def method(self) -> str:
        """GET, POST and so on."""
        return self.head.start.partition(" ")[0]

    @property
    def target(self) -> str:
        """Path and query as they came."""
        return self.head.start.split(" ")[1]

    @property
    def path(self) -> str:
        """The path as it came."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, of several with one name the last."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The body's parameters, if it is a form."""
        return dict(parse_qsl(self.body.decode("latin-1"), keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class RawReply:
    """Any HTTP reply. `closes`: the connection is closed after it."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    closes: bool = False
