"""Legacy sessions over HTTP: their ids, their streams, their end (`basic/transports#session-management`)."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from functools import partial
from itertools import count, islice

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.messages import Message, Request, encode
from reference_impl.protocol.sse import encode_event
from reference_impl.server.exchange import Session
from reference_impl.server.http.shares import Shares
from reference_impl.server.http.streams import MOST_UNREAD, EventStream
from reference_impl.server.subscriptions import Hub

__all__ = ["MOST_UNSENT", "HttpSession", "SessionStore"]

_PENDING = 64
_IDLE = 8
"""Streams that are kept although all that there was has been sent: a connection may have lost the last of it."""
MOST_UNSENT = 64
"""Streams that are kept for a client that has not come back for the rest. Beyond that, the oldest is forgotten."""
_GENERAL = "g"
_ABANDONED = 10.0
"""Seconds after which a session whose opener never came back may make room for another of the same owner."""
_LOOKED_AT = 1000
"""How many of the oldest sessions are looked at for that."""


class HttpSession:
    """One session. What belongs to no request goes to the newest open GET stream, or waits for the next one."""

    __slots__ = ("_gets", "_names", "_pending", "_streams", "end", "id", "owner", "session", "used")

    def __init__(self, principal: str | None, now: float) -> None:
        self.id = secrets.token_urlsafe(24)
        self.session = Session(self._send, principal)
        self.used = now
        self.owner: str | None = None
        self.end: Callable[[], None] = self.close
        self._names = count(1)
        self._gets: list[EventStream] = []
        self._pending: deque[bytes] = deque(maxlen=_PENDING)
        self._streams: OrderedDict[str, EventStream] = OrderedDict()

    def _send(self, message: Message) -> None:
        data = encode(message)
        if self._gets:
            self._gets[-1].put(data)
        else:
            self._pending.append(data)

    def aside(self, message: Message) -> None:
        """Send what belongs to a request whose own response cannot carry it: on the GET stream, or if none is open,
        not at all, but for questions, which wait for one."""
        if self._gets or isinstance(message, Request):
            self._send(message)

    def new_stream(self, *, general: bool = False) -> EventStream:
        """Return a stream whose events have ids that are unique in this session; a `general` one answers no request."""
        name = f"{_GENERAL if general else ''}{next(self._names)}"
        # An id without data primes the client to resume (2025-11-25 `#sending-messages-to-the-server`).
        prologue = encode_event(b"", f"{name}-0") if self.session.revision.primes_streams else b""
        stream = EventStream(name, prologue=prologue, most_unread=MOST_UNREAD if general else None)
        stream.general = general
        return stream

    def keep(self, stream: EventStream) -> None:
        """Remember a stream that is about to be read, for resumption; of those that nobody reads and that nothing more
        will come of, the last few, and more of those whose rest was never sent."""
        if stream.name is None:
            return
        self._streams.pop(stream.name, None)
        idle = [kept for kept in self._streams.values() if not kept.connected and (kept.finished or kept.general)]
        unsent, sent = [kept for kept in idle if kept.unsent], [kept for kept in idle if not kept.unsent]
        for forgotten in (*sent[:-_IDLE], *unsent[:-MOST_UNSENT]):
            self._streams.pop(forgotten.name or "")
        self._streams[stream.name] = stream

    def open_get(self, stream: EventStream) -> None:
        """Let unrelated messages flow into `stream`."""
        self._gets.append(stream)
        self.session.on_silence = self.end
        while self._pending:
            stream.put(self._pending.popleft())

    def close_get(self, stream: EventStream) -> None:
        """Let them flow there no more."""
        if stream in self._gets:
            self._gets.remove(stream)
        if not self._gets:
            self.session.on_silence = None

    def resume(self, last_event_id: str) -> tuple[EventStream, int] | None:
        """Return the stream that an event came from, and the event's number, or None if it is not known any more.

        Raises `RemoteProtocolError` where that stream answered a request: no other can stand in for it.
        """
        name, _, digits = last_event_id.rpartition("-")
        stream = self._streams.get(name)
        if stream is not None and digits.isascii() and digits.isdigit() and stream.has(int(digits)):
            return stream, int(digits)
        if name.isdecimal() and name.isascii():
            raise RemoteProtocolError(Code.INVALID_REQUEST, "This stream cannot be resumed: it is not kept any more")
        return None

    @property
    def connected(self) -> bool:
        """Whether any stream is being read."""
        return any(stream.connected for stream in self._streams.values())

    @property
    def listening(self) -> int:
        """How many streams are open for what belongs to no request."""
        return len(self._gets)

    @property
    def abandoned(self) -> bool:
        """Whether the client that opened it never came back to say that it is ready."""
        return not (self.session.initialized or self.connected or len(self.session.running))

    def close(self) -> None:
        """Stop everything and end all streams."""
        self.session.close()
        for stream in self._streams.values():
            stream.finish()


class SessionStore:
    """All sessions of an endpoint: at most `most`, and `each` for one owner, for `lifetime` seconds after their last
    use. Where there is no room, sessions that their own opener abandoned make it; those in use never do."""

    def __init__(
        self,
        hub: Hub,
        lifetime: float = 1800,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
        each: int | None = None,
    ) -> None:
        self._hub = hub
        self._lifetime = lifetime
        self._shares = Shares("sessions", most, most if each is None else each)
        self._clock = clock
        self._sessions: OrderedDict[str, HttpSession] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def create(self, principal: str | None) -> HttpSession:
        """Return a new session, not stored yet."""
        return HttpSession(principal, self._clock())

    def add(self, session: HttpSession, owner: str | None = None) -> bool:
        """Store a session of `owner` (see `owner_of`); False if there are too many already."""
        self._sweep()
        if not self._shares.take(owner) and not (self._make_room(owner) and self._shares.take(owner)):
            return False
        session.owner, session.end = owner, partial(self.end, session)
        self._sessions[session.id] = session
        self._hub.sessions.add(session.session)
        return True

    def get(self, identifier: str, principal: str | None) -> HttpSession | None:
        """Return a living session of this principal, or None: nobody learns of another's session."""
        self._sweep()
        found = self._sessions.get(identifier)
        if found is None or found.session.principal != principal:
            return None
        found.used = self._clock()
        self._sessions.move_to_end(identifier)
        return found

    def end(self, session: HttpSession) -> None:
        """End a session for good."""
        if self._sessions.pop(session.id, None) is not None:
            self._shares.give_back(session.owner)
        self._hub.sessions.discard(session.session)
        session.close()

    def close(self) -> None:
        """End all sessions."""
        for session in list(self._sessions.values()):
            self.end(session)

    def _make_room(self, owner: str | None) -> bool:
        """End the oldest session that the same owner opened and abandoned; False if there is none.

        What somebody uses is never ended for somebody else, and several may share an address.
        """
        latest = self._clock() - _ABANDONED
        for session in islice(self._sessions.values(), _LOOKED_AT):
            if session.used > latest:
                return False
            if session.owner == owner and session.abandoned:
                self.end(session)
                return True
        return False

    def _sweep(self) -> None:
        now = self._clock()
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if oldest.used + self._lifetime > now:
                return
            if oldest.connected:
                oldest.used = now
                self._sessions.move_to_end(oldest.id)
            else:
                self.end(oldest)
