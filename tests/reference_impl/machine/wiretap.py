"""What one reference client says and hears, overheard between it and its server: the judge of everything it sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reference_impl.protocol.lines import LineReader
from reference_impl.protocol.messages import MalformedError, decode_json
from reference_impl.transports.memory import MemoryChannel
from tests.reference_impl.machine.ledger import Json, Key, key_of
from tests.reference_impl.machine.runs import MARKER
from tests.reference_impl.machine.world import World

__all__ = ["Tapped", "Wiretap"]

_NEVER_CANCELLED = ("initialize", "server/discover")


@dataclass(slots=True)
class Sent:
    """One request of either side, and the world's step in which it was answered or taken back."""

    method: str
    marker: str = ""
    answered: int | None = None
    cancelled: int | None = None

    @property
    def open(self) -> bool:
        """Whether somebody still has to do something about it."""
        return self.answered is None and self.cancelled is None


class Wiretap:
    """The requests of both sides. Messages that cross within a step of the world are no fault of anybody's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.requests: dict[Key, Sent] = {}
        self.questions: dict[Key, Sent] = {}
        self._said, self._heard = LineReader(), LineReader()

    def said(self, data: bytes) -> None:
        """Take what the client writes. It is never anything but messages."""
        for line in self._said.feed(data):
            assert isinstance(line, bytes)
            self._say(decode_json(line))

    def _say(self, message: Json) -> None:
        if "method" not in message:
            self._answer(message)
        elif "id" in message:
            key = key_of(message["id"])
            assert key not in self.requests, f"the client uses an id twice: {message}"
            meta = (message.get("params") or {}).get("_meta") or {}
            self.requests[key] = Sent(message["method"], meta.get(MARKER, ""))
        elif message["method"] == "notifications/cancelled":
            self._cancel(message["params"]["requestId"])

    def _cancel(self, identifier: Any) -> None:
        sent = self.requests.get(key_of(identifier))
        assert sent is not None, f"the client cancels what it never asked: {identifier!r}"
        assert sent.method not in _NEVER_CANCELLED, f"the client cancels {sent.method}"
        assert sent.cancelled is None, f"the client cancels twice: {sent}"
        assert sent.answered in (None, self._world.steps), f"the client cancels what is answered: {sent}"
        sent.cancelled = self._world.steps

    def _answer(self, message: Json) -> None:
        question = self.questions.get(key_of(message["id"]))
        assert question is not None, f"the client answers what it was never asked: {message}"
        assert question.answered is None, f"the client answers twice: {message}"
        assert question.cancelled in (None, self._world.steps), f"the client answers what was taken back: {message}"
        question.answered = self._world.steps

    def heard(self, data: bytes) -> None:
        """Take what the server writes."""
        for line in self._heard.feed(data):
            assert isinstance(line, bytes)
            self._hear(decode_json(line))

    def _hear(self, message: Json) -> None:
        if "method" not in message:
            self._settle(message.get("id"))
        elif "id" in message:
            self.questions[key_of(message["id"])] = Sent(message["method"])
        elif message["method"] == "notifications/cancelled":
            question = self.questions.get(key_of(message["params"]["requestId"]))
            if question is not None:
                question.cancelled = self._world.steps

    def _settle(self, identifier: Any) -> None:
        sent = self.requests.get(key_of(identifier))
        if sent is not None and sent.answered is None:
            sent.answered = self._world.steps

    def injected(self, data: bytes) -> None:
        """Take what the server did not write, and the client hears all the same, where it can count as an answer."""
        try:
            message = decode_json(data)
        except MalformedError:
            return
        if isinstance(message, dict) and ("result" in message or "error" in message):
            waiting = [key for key, sent in self.requests.items() if sent.open]
            if "id" in message:
                self._settle(message["id"])
            elif len(waiting) == 1:  # an error without id can only mean the one that waits
                self._settle(waiting[0][1])

    @property
    def waiting(self) -> set[Key]:
        """The client's requests that are neither answered nor cancelled."""
        return {key for key, sent in self.requests.items() if sent.open}

    def hanging(self, marker: str) -> list[Sent]:
        """Return the requests of a call that nobody has ended."""
        # What has been answered in the very moment of its end is no different from what was answered before.
        return [
            sent
            for sent in self.requests.values()
            if sent.marker == marker and sent.open and sent.method not in _NEVER_CANCELLED
        ]


class Tapped:
    """The server's end of a channel, with somebody listening."""

    def __init__(self, channel: MemoryChannel, tap: Wiretap) -> None:
        self._channel, self._tap = channel, tap

    async def send(self, data: bytes) -> None:
        """Hand on what the server writes."""
        self._tap.heard(data)
        await self._channel.send(data)

    async def receive(self) -> bytes:
        """Hand on what the client writes."""
        data = await self._channel.receive()
        self._tap.said(data)
        return data

    async def aclose(self) -> None:
        """Close both ways."""
        await self._channel.aclose()
