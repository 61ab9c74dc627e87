"""From a target to a conversation: start the process or open the endpoint, agree, and take it all down again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import anyio.abc

from reference_impl.client.answers import Answers
from reference_impl.client.cache import ResultCache
from reference_impl.client.caller import Caller
from reference_impl.client.connection import ClientConnection
from reference_impl.client.dispatcher import Dispatcher
from reference_impl.client.errors import ClientError, ConnectionClosed, HttpRefused, RequestFailed, Unreachable
from reference_impl.client.grouping import task_group
from reference_impl.client.opening import Agreement, initialize, open_conversation
from reference_impl.client.pinging import keep_pinging
from reference_impl.client.requester import Requester
from reference_impl.client.settings import ClientSettings
from reference_impl.client.ways import Target, Way, way_to
from reference_impl.client.wire import Wire

__all__ = ["Target", "connect"]

DEFAULT_SETTINGS = ClientSettings()


@asynccontextmanager
async def connect(target: Target, settings: ClientSettings = DEFAULT_SETTINGS) -> AsyncIterator[ClientConnection]:
    """Open a conversation with a server of either era for the length of a block.

    Raises `ConnectionClosed` if the server cannot be started or reached, `NoCommonRevision`, `HttpRefused`,
    `AuthorizationFailed`, `RequestFailed`, `RequestTimeout`, `InvalidAnswer`.
    """
    way = way_to(target, settings)
    if way.era is not None:
        settings = replace(settings, era=way.era)
    async with task_group() as tasks:
        opening = _Opening(way, settings, tasks)
        try:
            connection = await opening.connection()
            if settings.ping_interval is not None:
                tasks.start_soon(keep_pinging, connection, settings.ping_interval, settings.ping_timeout, opening.close)
            yield connection
        finally:
            await opening.close()


class _Opening:
    """The parts of one connection, and the order in which they come and go."""

    def __init__(self, way: Way, settings: ClientSettings, tasks: anyio.abc.TaskGroup) -> None:
        self._way, self._settings, self._tasks = way, settings, tasks
        self._wire: Wire | None = None
        self._caller: Caller | None = None
        self._ended = anyio.Event()
        self._renewing = anyio.Lock()

    async def connection(self) -> ClientConnection:
        cache = ResultCache()
        caller = Caller(await self._way.open(), self._settings)
        self._caller = caller
        answers = Answers(self._settings.handlers)
        self._dispatcher = Dispatcher(caller, cache, answers, self._tasks)
        self._start(caller.wire)
        agreement = await self._agree(caller)
        self._requester = Requester(caller, agreement, cache, answers, self._renew)
        return ClientConnection(self._requester, self._dispatcher, mirrors=self._way.mirrors, ended=self._ended)

    def _start(self, wire: Wire) -> None:
        self._wire, self._ended = wire, anyio.Event()
        self._tasks.start_soon(self._carry, wire, self._ended)

    async def _carry(self, wire: Wire, ended: anyio.Event) -> None:
        await wire.run(self._dispatcher.deliver)
        ended.set()
        if not wire.revision.modern:  # a modern subscription is a request, and fails with the others
            self._dispatcher.subscriptions.fail(ConnectionClosed("the connection ended"))

    async def _agree(self, caller: Caller) -> Agreement:
        """Agree on a revision, in a second attempt if there is a way that the first one did not try."""
        try:
            return await open_conversation(caller)
        except (ConnectionClosed, HttpRefused, RequestFailed) as failure:
            wire = await self._another(failure)
            if wire is None:
                raise
        caller.wire = wire
        self._start(wire)
        return await initialize(caller)

    async def _another(self, failure: ClientError) -> Wire | None:
        """Return a wire to greet in the legacy way: to a server that died of the probe, or over the transport of older
        servers."""
        way, settings, wire = self._way, self._settings, self._wire
        if wire is None or not settings.legacy:
            return None
        if isinstance(failure, Unreachable):
            return None
        if isinstance(failure, ConnectionClosed):
            if way.again is None or not settings.modern or settings.era is not None:
                return None
            await wire.aclose()
            return await way.again()
        found = await way.older(wire) if way.older is not None else None
        if found is not None:
            await wire.aclose()
        return found

    async def _renew(self, lost: Agreement) -> None:
        """Begin a new session in place of a lost one; requests that find out one after the other share it."""
        async with self._renewing:
            if self._requester.agreement is lost:
                self._requester.agreement = await initialize(self._requester.caller)
                self._dispatcher.subscriptions.forgotten()

    async def close(self) -> None:
        if self._caller is not None:
            self._caller.close()
        if self._wire is not None:
            with anyio.CancelScope(shield=True):
                await self._wire.aclose()
