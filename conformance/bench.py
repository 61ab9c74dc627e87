"""Connections to one target: opens them, keeps their transcripts, and leaves no process behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from copy import copy
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import TaskGroup

from conformance.channel import WHOLE, Channel
from conformance.expect import Mismatch
from conformance.guise import BARE, Guise
from conformance.http_link import HttpLink
from conformance.identities import Identities
from conformance.leases import Leases
from conformance.links import StreamLink
from conformance.patience import Patience
from conformance.peer import Peer
from conformance.sse_channel import open_sse
from conformance.starts import Starts
from conformance.surface import Surface
from conformance.target import HttpTarget, MemoryTarget, SseTarget, StdioTarget, Target, WebSocketTarget
from conformance.transcript import Conversation
from conformance.websocket import open_websocket
from reference_impl.transports.http import HttpPool, Origin
from reference_impl.transports.stdio import StdioCommand, StdioProcess, open_process

if TYPE_CHECKING:
    from reference_impl.protocol.revisions import Revision
    from reference_impl.transports.channel import ByteChannel

__all__ = ["Bench", "NotSpoken"]

_STDERR_SHOWN = 400
_GRACE, _GRACE_LATER = 2.0, 0.1
"""Seconds that a process gets to end after the end of its input; less once it has shown that it does not."""
_FLOODED_BEFORE = 20
"""How much less is read of a target that has flooded another conversation."""
_CLOSED = "the target closed the stream"
_ENDING = 1.0
"""Seconds that a process which closed its output gets to exit, so that its status can be told."""


class NotSpoken(Mismatch):
    """The target answered the handshake with another revision than the one to test: it does not speak that."""


class Bench:
    """Opens peers on one target at one revision.

    `conversations` keeps every transcript, for the monitors; `spoken` the revisions that the target was found to
    speak; `leases` the connections that serve several uses; `starts` the turns in which processes start, which benches
    may share; `kept` what checks learn once for all peers. `tasks` runs the readers; it must outlive every peer.
    """

    def __init__(self, target: Target, revision: Revision, patience: Patience, tasks: TaskGroup) -> None:
        self.target = target
        self.revision = revision
        self.patience = patience
        self.spoken: tuple[Revision, ...] = (revision,)
        self.surface = Surface()
        self.conversations: list[Conversation] = []
        self.leases = Leases(self)
        self.starts = Starts()
        self.kept: dict[str, Any] = {}
        self._tasks = tasks
        self._links: list[StreamLink] = []
        self._grace = _GRACE

    @asynccontextmanager
    async def opened(self, purpose: str, guise: Guise = BARE) -> AsyncIterator[Peer]:
        """A peer on a new connection, its handshake done in some guise. Raises `Mismatch` if the handshake fails, or
        comes to another revision than the one to test; `TargetNotStarted` if there is nothing to connect to."""
        async with self.unopened(purpose) as peer:
            peer.guise = guise
            await peer.open()
            if peer.revision != self.revision and self.revision not in self.spoken:
                raise NotSpoken(f"protocolVersion {self.revision}, which was offered", f"{peer.revision}")
            yield peer

    @asynccontextmanager
    async def unopened(self, purpose: str) -> AsyncIterator[Peer]:
        """A peer on a new connection on which nothing was said."""
        conversation = Conversation(self.target.transport, purpose)
        self.conversations.append(conversation)
        match self.target:
            case HttpTarget():
                async with aclosing(HttpPool(Origin.of(self.target.url))) as pool:
                    link = HttpLink(self.target, conversation, pool)
                    peer = Peer(link, self.revision, self.patience, self.surface)
                    link.listener = peer.hear
                    try:
                        yield self._furnish(peer)
                    finally:
                        await peer.farewell()
            case StdioTarget(argv, env, cwd):
                turn = await self.starts.turn(self.patience.start)
                try:
                    process = await open_process(StdioCommand(argv, env, cwd))
                    try:
                        peer = self._on_stream(process, conversation, process)
                        peer.stream.on_line = turn.end
                        yield self._furnish(peer)
                    finally:
                        await self._stop(process)
                finally:
                    turn.end()
            case MemoryTarget():
                channel = await self.target.open()
                try:
                    yield self._furnish(self._on_stream(channel, conversation, None))
                finally:
                    await channel.aclose()
            case SseTarget():
                async with open_sse(self.target, conversation, self.patience.start) as events:
                    yield self._furnish(self._on_messages(events, conversation, lambda: events.ended))
            case WebSocketTarget():
                async with open_websocket(self.target, self.patience.start) as socket:
                    yield self._furnish(self._on_messages(socket, conversation, lambda: socket.failure or _CLOSED))

    async def _stop(self, process: StdioProcess) -> None:
        stopped = await process.stop(self._grace)
        if stopped.how in ("terminated", "killed"):
            # One that does not leave when its input ends is seen to by a check; here it would cost each connection.
            self._grace = _GRACE_LATER

    @property
    def identities(self) -> Identities:
        """The tokens of others; none over a transport that carries no tokens."""
        return self.target.identities if isinstance(self.target, HttpTarget) else Identities()

    def bearing(self, token: str | None) -> Bench:
        """Return this bench with peers that show another token (None: no token), and all else in common."""
        assert isinstance(self.target, HttpTarget)
        other = copy(self)
        other.target = self.target.bearing(token)
        return other

    def later(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something beside the conversations, before the bench is left."""
        self._tasks.start_soon(work)

    def _on_stream(self, channel: ByteChannel, conversation: Conversation, process: StdioProcess | None) -> Peer:
        link = StreamLink(channel, conversation, lambda: _ending(process), self.patience.answer)
        peer = self._reading(link)
        peer.process = process
        return peer

    def _on_messages(self, channel: Channel, conversation: Conversation, why_gone: Callable[[], str]) -> Peer:
        async def ending() -> str:
            return why_gone()

        return self._reading(StreamLink(channel, conversation, ending, self.patience.answer, WHOLE))

    def _reading(self, link: StreamLink) -> Peer:
        peer = Peer(link, self.revision, self.patience, self.surface)
        if any(other.flooded for other in self._links):
            # Known for it: no need to read as much again.
            link.tolerance //= _FLOODED_BEFORE
        link.matcher.ignored = frozenset().union(*(other.matcher.ignored for other in self._links))
        self._links.append(link)
        self._tasks.start_soon(link.read, peer.hear)
        return peer

    def _furnish(self, peer: Peer) -> Peer:
        peer.bench = self
        return peer


async def _ending(process: StdioProcess | None) -> str:
    """Say how a stream ended."""
    if process is None:
        return _CLOSED
    with anyio.move_on_after(_ENDING):
        await process.wait()
    tail = _last_lines(process.stderr_tail.strip())
    said = f"; it last wrote to standard error: {tail}" if tail else ""
    if process.returncode is None:
        return f"the process closed its standard output but runs on{said}"
    if process.returncode < 0:
        return f"the process was ended by signal {-process.returncode}{said}"
    return f"the process exited with status {process.returncode}{said}"


def _last_lines(text: str) -> str:
    """Return the end of a text, from the beginning of a line where there is one."""
    end = text[-_STDERR_SHOWN:]
    return end if len(text) <= _STDERR_SHOWN else end.partition("\n")[2] or end
