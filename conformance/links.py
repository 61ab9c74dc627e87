"""A link moves messages to one target and back, and records every byte.

`StreamLink` serves whatever has one ordered channel in each direction: stdio and in-memory streams, a WebSocket, HTTP
with SSE. Streamable HTTP has a link of its own (`conformance.http_link`). Both give answers by id and everything else
to a listener.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import anyio

from conformance.channel import LINES, Channel, Divisible, Framing, Refusal, decode
from conformance.expect import Mismatch, brief
from conformance.matching import Matcher, Waiting
from conformance.transcript import NO_JSON, TARGET, Conversation, Direction, Entry, HttpHead
from reference_impl.protocol.lines import Overlong

__all__ = ["Answer", "Flooded", "Gone", "Listener", "Silence", "StreamLink", "Throttled"]

FLOOD = 20_000
"""Lines nobody asked for, in one conversation, after which a target is no longer listened to."""
_END_OF_OUTPUT = 2.0
"""Seconds that the output of a target that closed its input may take to end too, which tells how it went."""
FLOOD_BYTES = 128 * 1024 * 1024
"""Bytes nobody asked for, after which the same holds: twice the longest line that is kept."""

Listener = Callable[[Entry], Awaitable[None]]


def _unheeded() -> None:
    """Take that a line came."""


class Silence(Mismatch):
    """No answer came within the deadline."""


class Gone(Mismatch):
    """The target ended the conversation: its process exited, or it closed the stream or connection."""


class Flooded(Gone):
    """We ended the conversation, since the target filled it with what nobody had asked for."""


class Throttled(Mismatch):
    """The target takes no more requests for now: it limits their rate. No verdict on what was asked comes of that."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a request.

    `message` is the decoded response, or `NO_JSON` where the HTTP reply held none. `head` is the reply's HTTP head.
    `earlier` are the entries that came before it on the same stream, after the request was sent.
    """

    method: str
    id: Any
    message: Any
    entry: Entry
    earlier: tuple[Entry, ...] = ()
    head: HttpHead | None = None
    body: bytes = b""

    @property
    def result(self) -> Any:
        """The result, or None."""
        return self.message.get("result") if isinstance(self.message, dict) else None

    @property
    def error(self) -> dict[str, Any] | None:
        """The error object, or None."""
        error = self.message.get("error") if isinstance(self.message, dict) else None
        return error if isinstance(error, dict) else None

    @property
    def code(self) -> Any:
        """The error code, or None."""
        return self.error.get("code") if self.error is not None else None

    @property
    def status(self) -> int | None:
        """The HTTP status, or None on other transports."""
        return self.head.status if self.head else None

    def describe(self) -> str:
        """Return the answer in a line, for a failure's `actual`."""
        status = f"HTTP {self.status}: " if self.head else ""
        shown = self.message if self.message is not NO_JSON else self.body.decode("utf-8", "replace") or "an empty body"
        return status + brief(shown)


class StreamLink:
    """Messages over one channel in each direction. `patience` is how long, in seconds, the target may leave unread
    what was written to it."""

    def __init__(
        self,
        channel: Channel,
        conversation: Conversation,
        why_gone: Callable[[], Awaitable[str]],
        patience: float,
        framing: Framing = LINES,
    ) -> None:
        self.conversation = conversation
        self.gone: str | None = None
        """How the conversation ended, once no answer will come any more."""
        self.silent: anyio.Event = anyio.Event()
        """Set once the target's output has ended."""
        self.on_line: Callable[[], None] = _unheeded
        """Called for every line that comes."""
        self._channel = channel
        self._why_gone = why_gone
        self.matcher = Matcher()
        self._framing = framing
        self.lines = bool(framing.end)
        """Whether messages are lines of one stream of bytes, and not whole by themselves."""
        self._writing: AbstractAsyncContextManager[None] = anyio.Lock() if framing.end else nullcontext()
        self._reading = anyio.Event()
        self._reading.set()
        self._patience = patience
        self._held = b""
        self.tolerance = FLOOD
        """Lines nobody asked for that are one too many."""
        self._unasked = self._unasked_bytes = 0

    @contextmanager
    def unread(self) -> Iterator[None]:
        """Leave what the target writes where it is, for the time of the block: a reader that is slow."""
        self._reading = anyio.Event()
        try:
            yield
        finally:
            self._reading.set()

    async def read(self, listener: Listener) -> None:
        """Read until the channel ends or floods; answers wake their requests, the rest goes to `listener`."""
        reader = self._framing.reader()
        try:
            while not self.flooded:
                chunk = await self._channel.receive()
                await self._reading.wait()
                self._unasked_bytes += len(chunk)
                for line in reader.feed(chunk):
                    await self._take(line, listener)
        except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
            if reader.rest:
                await self._take(reader.rest, listener)
        self.gone = self.flooded or await self._why_gone()
        self.conversation.record(Direction.PROCESS, self.gone.encode())
        self.silent.set()
        self.matcher.give_up()

    @property
    def flooded(self) -> str | None:
        """How the target flooded its output, or None while it has not."""
        if self._unasked >= self.tolerance:
            return f"the target flooded its output: {self.tolerance:,} lines that nobody had asked for"
        if self._unasked_bytes >= FLOOD_BYTES:
            return f"the target flooded its output: {FLOOD_BYTES >> 20} MiB that nobody had asked for"
        return None

    async def _take(self, line: bytes | Overlong, listener: Listener) -> None:
        self.on_line()
        data = line if isinstance(line, bytes) else f"<a line of {line.size} bytes>".encode()
        if self.flooded:
            return
        if not data.strip():
            self._unasked += 1
            return
        value = decode(data)
        waiting = self.matcher.find(value)
        entry = self.conversation.record(Direction.RECEIVED, data, value, owned_by=waiting.owner if waiting else TARGET)
        if waiting is not None:
            self._unasked_bytes -= len(data)
            self.matcher.answered(waiting, entry)
        else:
            self._unasked += 1
            await listener(entry)

    async def call(self, data: bytes, value: Any, timeout: float, defect: str | None = None) -> Answer:
        """Send a request and wait for its answer. Raises `Silence` or `Gone`."""
        with self.matcher.awaiting([value], len(self.conversation.entries), defect) as awaited:
            with anyio.move_on_after(timeout):
                _, refusal = await self._send(data, value, defect)
                if refusal is not None and awaited[0].entry is None:
                    return _refused(value, refusal)
                await self._settled(awaited)
            return self._conclude(value, awaited[0], timeout)

    async def write(
        self,
        chunks: Iterable[bytes],
        timeout: float,
        requests: Sequence[dict[str, Any]] = (),
        defect: str | None = None,
    ) -> list[Answer]:
        """Write bytes as they are, chunk by chunk, and wait for the answers to the requests that they hold.

        Raises `Silence` or `Gone`.
        """
        with self.matcher.awaiting(list(requests), len(self.conversation.entries), defect) as awaited:
            with anyio.move_on_after(timeout):
                for chunk in chunks:
                    self._need_target()
                    await self._put(chunk, self.conversation.record(Direction.SENT, chunk, defect=defect))
                await self._settled(awaited)
            return [self._conclude(*pair, timeout) for pair in zip(requests, awaited, strict=True)]

    async def write_in_turn(
        self, chunks: Sequence[bytes], requests: Sequence[dict[str, Any]], timeout: float
    ) -> list[Answer]:
        """Write each chunk once the request that the one before completes was answered, so that no two are read as one.

        A request may be answered before its last byte was written: who reads values, not lines, needs no end of line.
        Raises `Silence` or `Gone`.
        """
        answers = []
        with self.matcher.awaiting(list(requests), len(self.conversation.entries), None) as awaited:
            for chunk, request, waiting in zip(chunks, requests, awaited, strict=True):
                with anyio.move_on_after(timeout):
                    self._need_target()
                    await self._put(chunk, self.conversation.record(Direction.SENT, chunk))
                    await self._settled([waiting])
                answers.append(self._conclude(request, waiting, timeout))
        return answers

    async def call_in_pieces(self, pieces: Sequence[bytes], value: Any, timeout: float) -> Answer | None:
        """Send a request as one message in pieces and wait for its answer; None where the channel cannot, or the target
        refused it so. Raises `Silence` or `Gone`."""
        if not isinstance(self._channel, Divisible):
            return None
        with self.matcher.awaiting([value], len(self.conversation.entries), None) as awaited:
            with anyio.move_on_after(timeout):
                self._need_target()
                self.matcher.sent(self.conversation.record(Direction.SENT, b"".join(pieces), value))
                if await self._channel.send_pieces(pieces) is not None:
                    return None
                await self._settled(awaited)
            return self._conclude(value, awaited[0], timeout)

    async def send(self, data: bytes, value: Any = NO_JSON, defect: str | None = None) -> Entry:
        """Write a message. Raises `Gone` if the target no longer reads, `Silence` if it leaves the message unread."""
        entry, _ = await self._send(data, value, defect)
        return entry

    async def hold(self, data: bytes, value: Any = NO_JSON, defect: str | None = None) -> None:
        """Send a line in one write with the next message: who reads in chunks gets the two together, every time."""
        if not self._framing.end:
            await self.send(data, value, defect)
            return
        self.matcher.sent(self.conversation.record(Direction.SENT, data, value, defect=defect))
        self._held += data + self._framing.end

    async def _send(self, data: bytes, value: Any, defect: str | None) -> tuple[Entry, Refusal | None]:
        self._need_target()
        entry = self.conversation.record(Direction.SENT, data, value, defect=defect)
        held, self._held = self._held, b""
        return entry, await self._put(held + data + self._framing.end, entry)

    def _need_target(self) -> None:
        if self.gone is not None:
            raise self.ended("a target that reads its input")

    def ended(self, expected: str, *evidence: int) -> Gone:
        """Return how the conversation ended, to be raised; the last entry of the transcript shows it."""
        kind = Flooded if self.flooded else Gone
        return kind(expected, self.gone or "", [*evidence, len(self.conversation.entries) - 1])

    async def _put(self, data: bytes, entry: Entry) -> Refusal | None:
        self.matcher.sent(entry)
        try:
            with anyio.move_on_after(self._patience):
                async with self._writing:
                    return await self._channel.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            with anyio.move_on_after(_END_OF_OUTPUT):
                await self.silent.wait()
            if self.gone is not None:
                raise self.ended("a target that reads its input", entry.index) from None
            why = "the target closed its input, but not its output"
            raise Gone("a target that reads its input", why, [entry.index]) from None
        raise Silence(f"a target that reads its input within {self._patience:g} s", "none of it read", [entry.index])

    async def _settled(self, awaited: Iterable[Waiting]) -> None:
        for waiting in awaited:
            if self.gone is None:
                await waiting.done.wait()

    def _conclude(self, request: dict[str, Any], waiting: Waiting, timeout: float) -> Answer:
        method = request.get("method", "?")
        if waiting.entry is not None:
            return self._answer(method, waiting, waiting.entry)
        if self.gone is not None:
            raise self.ended(f"an answer to {method}", waiting.since)
        raise Silence(f"an answer to {method} within {timeout:g} s", "silence", [waiting.since])

    def _answer(self, method: str, waiting: Waiting, entry: Entry) -> Answer:
        between = self.conversation.entries[waiting.since : entry.index]
        earlier = tuple(item for item in between if item.direction is Direction.RECEIVED)
        return Answer(method, waiting.id, entry.value, entry, earlier)


def _refused(request: dict[str, Any], refusal: Refusal) -> Answer:
    method, identifier = request.get("method", "?"), request.get("id")
    return Answer(method, identifier, refusal.value, refusal.entry, (), refusal.head, refusal.body)
