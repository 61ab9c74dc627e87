"""The conversations of a play: opened when they are needed, left politely or not, and opened anew."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import count

from conformance.bench import Bench
from conformance.expect import Mismatch
from conformance.links import Gone, Silence, Throttled
from conformance.listening import Listening
from conformance.patience import Patience
from conformance.peer import Peer
from conformance.transcript import Conversation, Entry
from reference_impl.transports.stdio import TargetNotStarted

__all__ = ["NotOpened", "Seat", "Seats"]

_firsts = count(100_000, 1000)
"""Where the ids of each play begin: no play meets ids of another, and none those of handshakes."""


class NotOpened(Exception):  # noqa: N818 - the name says what happened
    """The target opens no conversation, or no further one, which it need not: the play cannot go on."""


@dataclass(slots=True)
class Seat:
    """One conversation. `last_id` is the last id that it used; those of one play count from the same number, so that
    two of them have equal ones.

    `ended`: its session was ended by DELETE. `listens` are the open `subscriptions/listen` streams by slot, `tasks` the
    ids of tasks of the handshake era that are to be there.
    """

    peer: Peer
    stack: AsyncExitStack
    last_id: int
    ended: bool = False
    listens: dict[int, tuple[Listening, AsyncExitStack]] = field(default_factory=dict)
    tasks: dict[int, str] = field(default_factory=dict)

    def new_id(self, at_least: int = 0) -> int:
        """Return an id that the conversation has not used, and none below a bound."""
        self.last_id = max(self.last_id + 1, at_least)
        return self.last_id

    @property
    def reusable(self) -> bool:
        """Whether another play can go on with it."""
        return self.peer.stream.gone is None

    async def clear(self) -> None:
        """Make ready for another play: end streams, and forget what was said but the requests that are still owed an
        answer, which may come late."""
        for opened, stack in self.listens.values():
            await opened.cancel()
            await stack.aclose()
        self.listens.clear()
        self.tasks.clear()
        conversation = self.peer.conversation
        answered = {entry.value.get("id") for entry in conversation.received() if entry.is_response()}
        owed = [entry for entry in conversation.sent() if entry.is_request() and entry.value["id"] not in answered]
        conversation.entries[:] = [replace(entry, index=index) for index, entry in enumerate(owed)]
        self.peer.heard.clear()


class Seats:
    """The conversations of plays with one target, by number. `patience` is that of all."""

    def __init__(self, bench: Bench, who: str, patience: Patience) -> None:
        self.bench = bench
        self.patience = patience
        self._who = who
        self._first_id = next(_firsts)
        self._taken: dict[int, Seat] = {}
        self._left: list[Conversation] = []

    async def take(self, number: int) -> Seat:
        """Return a conversation, which is opened if it is not open.

        Raises `NotOpened`; `Gone` and `Silence` where others were opened before it, which have done that.
        """
        if number not in self._taken:
            self._taken[number] = await self._open()
        return self._taken[number]

    async def _open(self) -> Seat:
        stack = AsyncExitStack()
        first = not (self._taken or self._left)
        try:
            peer = await stack.enter_async_context(self.bench.opened(self._who))
        except (Mismatch, TargetNotStarted) as error:
            await stack.aclose()
            if isinstance(error, Gone | Silence) and not first and not isinstance(error, Throttled):
                raise
            raise NotOpened(str(error)) from None
        peer.patience = self.patience
        return Seat(peer, stack, self._first_id)

    @property
    def open(self) -> list[Seat]:
        """Those that are open."""
        return list(self._taken.values())

    async def leave(self, number: int, *, politely: bool) -> None:
        """End a conversation, if it is open; impolitely, without a word to the target."""
        seat = self._taken.pop(number, None)
        if seat is None:
            return
        self._left.append(seat.peer.conversation)
        if seat.ended or not politely:
            seat.peer.session = None
        if seat.peer.process is not None and not politely:
            # A process ends without a word when its input closes and nobody waits for what it does then.
            await seat.peer.process.stop(0.0)
        listens, seat.listens = seat.listens, {}
        for _, stack in listens.values():
            await stack.aclose()
        await seat.stack.aclose()

    async def finish(self) -> bool:
        """Make ready for the next play, where a new conversation costs a process; return whether that can be."""
        keep = self.bench.target.transport == "stdio" and self._taken.keys() == {0} and not self._left
        if not (keep and self._taken[0].reusable):
            return False
        await self._taken[0].clear()
        self._first_id = self._taken[0].last_id = next(_firsts)
        return True

    async def aclose(self) -> None:
        """End all conversations."""
        for number in list(self._taken):
            await self.leave(number, politely=True)
        for conversation in self._left:
            conversation.entries.clear()
        self._left.clear()

    @property
    def conversations(self) -> list[Conversation]:
        """All conversations of the play so far, in the order in which they were opened."""
        every = [*self._left, *(seat.peer.conversation for seat in self._taken.values())]
        return sorted(every, key=lambda conversation: conversation.began)

    def wire(self) -> list[Entry]:
        """Return what went over the wire in all conversations, in the order of time; `connection` tells them apart."""
        timed = [
            (each.began + entry.at, replace(entry, connection=number))
            for number, each in enumerate(self.conversations)
            for entry in each.entries
        ]
        return [entry for _, entry in sorted(timed, key=lambda pair: pair[0])]
