"""From a target to a conversation: start the process or open the endpoint, agree, and take it all down again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import anyio.abc

from reference_impl.client.cache import ResultCache
from reference_impl.client.caller import Caller
from reference_impl.client.channel_wire import ChannelWire, LineChannel
from reference_impl.client.connection import ClientConnection
from reference_impl.client.dispatcher import Dispatcher
from reference_impl.client.errors import ConnectionClosed
from reference_impl.client.grouping import task_group
from reference_impl.client.opening import Agreement, initialize, open_conversation
from reference_impl.client.requester import Requester
from reference_impl.client.settings import ClientSettings
from reference_impl.client.wire import Wire
from reference_impl.transports.channel import ByteChannel
from reference_impl.transports.stdio import StdioCommand, StdioProcess, TargetNotStarted, open_process

__all__ = ["Target", "connect"]

Target = StdioCommand | str | ByteChannel | Wire
"""A command to start, the URL of an endpoint, a channel of bytes that carries lines, or a wire of any other kind."""

DEFAULT_SETTINGS = ClientSettings()

_LAST_WORDS = 0.5
"""Seconds that a process which closed its output gets to exit, so that its status can be told."""
_QUOTED = 300


@dataclass(frozen=True, slots=True)
class _Way:
    """How to reach the server: `again` gives a fresh wire after the server died of the probe, or None where it is no
    longer to be had; `mirrors` says that arguments travel in headers."""

    open: Callable[[], Awaitable[Wire]]
    again: Callable[[], Awaitable[Wire]] | None = None
    mirrors: bool = False


@asynccontextmanager
async def connect(target: Target, settings: ClientSettings = DEFAULT_SETTINGS) -> AsyncIterator[ClientConnection]:
    """Open a conversation with a server of either era for the length of a block.

    Raises `ConnectionClosed` if the server cannot be started or reached, `NoCommonRevision`, `HttpRefused`,
    `RequestFailed`, `RequestTimeout`, `InvalidAnswer`.
    """
    way = _way(target, settings)
    async with task_group() as tasks:
        opening = _Opening(way, settings, tasks)
        try:
            yield await opening.connection()
        finally:
            await opening.close()


class _Opening:
    """The parts of one connection, and the order in which they come and go."""

    def __init__(self, way: _Way, settings: ClientSettings, tasks: anyio.abc.TaskGroup) -> None:
        self._way, self._settings, self._tasks = way, settings, tasks
        self._wire: Wire | None = None
        self._caller: Caller | None = None
        self._renewing = anyio.Lock()

    async def connection(self) -> ClientConnection:
        cache = ResultCache()
        caller = Caller(await self._way.open(), self._settings)
        self._caller = caller
        self._dispatcher = Dispatcher(caller, cache, self._tasks)
        self._start(caller.wire)
        agreement = await self._agree(caller)
        self._requester = Requester(caller, agreement, cache, self._renew)
        return ClientConnection(self._requester, self._dispatcher, mirrors=self._way.mirrors)

    def _start(self, wire: Wire) -> None:
        self._wire = wire
        self._tasks.start_soon(self._carry, wire)

    async def _carry(self, wire: Wire) -> None:
        await wire.run(self._dispatcher.deliver)
        if not wire.revision.modern:  # a modern subscription is a request, and fails with the others
            self._dispatcher.subscriptions.fail(ConnectionClosed("the connection ended"))

    async def _agree(self, caller: Caller) -> Agreement:
        """Agree on a revision. A server that dies of the probe is a legacy one: it is started anew and greeted."""
        try:
            return await open_conversation(caller)
        except ConnectionClosed:
            probed = self._settings.modern and self._settings.era is None
            if self._way.again is None or not probed or not self._settings.legacy:
                raise
        if self._wire is not None:
            await self._wire.aclose()
        caller.wire = await self._way.again()
        self._start(caller.wire)
        return await initialize(caller)

    async def _renew(self, lost: Agreement) -> None:
        """Begin a new session in place of a lost one; requests that find out one after the other share it."""
        async with self._renewing:
            if self._requester.agreement is lost:
                self._requester.agreement = await initialize(self._requester.caller)

    async def close(self) -> None:
        if self._caller is not None:
            self._caller.close()
        if self._wire is not None:
            with anyio.CancelScope(shield=True):
                await self._wire.aclose()


def _way(target: Target, settings: ClientSettings) -> _Way:
    if isinstance(target, StdioCommand):

        async def start() -> Wire:
            return await _started(target, settings)

        return _Way(start, again=start)
    if isinstance(target, str):

        async def reach() -> Wire:
            from reference_impl.client.http_wire import HttpWire

            return HttpWire(target, settings)

        return _Way(reach, again=reach, mirrors=True)

    async def given() -> Wire:
        return target if isinstance(target, Wire) else ChannelWire(LineChannel(target))

    return _Way(given)


async def _started(command: StdioCommand, settings: ClientSettings) -> Wire:
    try:
        process = await open_process(command)
    except TargetNotStarted as error:
        raise ConnectionClosed(str(error)) from error

    async def explain() -> str:
        return await _last_words(process)

    return ChannelWire(LineChannel(_Process(process, settings.stop_grace)), explain)


class _Process:
    """A process as a byte channel that is closed with the settings' own patience."""

    __slots__ = ("_grace", "_process", "close_sending", "receive", "send")

    def __init__(self, process: StdioProcess, grace: float) -> None:
        self._process, self._grace = process, grace
        self.send, self.receive, self.close_sending = process.send, process.receive, process.close_stdin

    async def aclose(self) -> None:
        await self._process.stop(self._grace)


async def _last_words(process: StdioProcess) -> str:
    """Say how the process ended, and quote the end of what it wrote to standard error."""
    with anyio.move_on_after(_LAST_WORDS):
        await process.wait()
    status = process.returncode
    how = "closed its output" if status is None else f"exited with status {status}"
    words = process.stderr_tail.strip()[-_QUOTED:]
    return f"the server {how}" + (f"; it last wrote: {words}" if words else "")
