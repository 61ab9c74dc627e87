"""A connection that is kept: a task that opens it, holds it, and opens it again when it was lost.

The task enters and leaves the connection itself, whoever asked for it: cancel scopes want to be left where they were
entered. Source of the restart: `basic/transports/stdio` of 2026-07-28, on a process that exits unexpectedly.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import anyio

from reference_impl.client.capabilities import Capabilities, negotiate
from reference_impl.client.connecting import connect
from reference_impl.client.connection import ClientConnection
from reference_impl.client.errors import ClientError, ConnectionClosed
from reference_impl.client.grouping import task_group
from reference_impl.client.patience import Clock, running
from reference_impl.client.retrying import RetryPolicy
from reference_impl.client.server_config import ServerConfig, ServerState
from reference_impl.client.settings import ClientSettings, Handler, JsonObject
from reference_impl.client.watching import Watcher
from reference_impl.protocol.messages import Notification

__all__ = ["Ears", "Keeper"]

_logger = logging.getLogger(__name__)
_ATTEMPTS = 5
"""How often in a row a connection is tried, before whoever waits for it is told."""
_LASTING = 30.0
"""Seconds after which a connection counts as one that worked: a server that dies sooner is restarted a few times at
most, until somebody needs it."""


@dataclass(frozen=True, slots=True)
class Ears:
    """Who is told what comes from a server: what it offers, from now on, and each notification."""

    offers: Callable[[ServerState, Capabilities], Awaitable[None]]
    notified: Callable[[str, Notification], None]
    missed: Callable[[str, str | None], None]


class Keeper:
    """Keeps the connection to one server; `run` is its task. All else may be called from any task."""

    def __init__(self, config: ServerConfig, ears: Ears, policy: RetryPolicy, wall_clock: Callable[[], float]) -> None:
        self.state = ServerState(config)
        self.watcher: Watcher | None = None
        self._ears, self._policy, self._wall_clock = ears, policy, wall_clock
        self._wanted = anyio.Event()
        self._settled = anyio.Event()
        self._dismissed = anyio.Event()
        self._changed = anyio.Event()
        self._attempts = 1
        self._failure: ClientError | None = None
        self._clocks: set[Clock] = set()
        self._renewing = False
        self._restarts = 0
        self.scope = anyio.CancelScope()
        self.finished = anyio.Event()

    # For those who use it -----------------------------------------------------------------------

    async def session(self) -> ClientConnection:
        """Return the connection, a new one where it was lost. Raises why there is none."""
        session = self.state.session
        if session is not None and not session.ended.is_set():
            return session
        return await self.renew()

    async def renew(self, attempts: int = _ATTEMPTS) -> ClientConnection:
        """Connect anew; those who ask while that is under way share it. Raises why it cannot be done."""
        if self.scope.cancel_called or self.finished.is_set():
            raise ConnectionClosed(f"{self.state.config.name} has been disconnected")
        if not self._renewing:
            self._restarts = 0
            self._begin(attempts)
        await self._settled.wait()
        session = self.state.session
        if session is None:
            raise self._failure or ConnectionClosed(f"{self.state.config.name} has been disconnected")
        return session

    @contextmanager
    def stopping(self, clock: Clock) -> Iterator[None]:
        """Let a clock stand still while the server asks its user something: a legacy one does not say in which call."""
        self._clocks.add(clock)
        try:
            yield
        finally:
            self._clocks.discard(clock)

    def answered(self) -> None:
        """Note that the server has answered a request."""
        self.state.last_used, self.state.health_status = self._wall_clock(), "healthy"
        if self.watcher is not None:
            self.watcher.answered()

    def failed(self, error: Exception) -> None:
        """Note what went wrong with the server."""
        self.state.last_error, self.state.errored_at = str(error), self._wall_clock()

    def _begin(self, attempts: int) -> None:
        self._renewing, self._attempts, self._failure = True, attempts, None
        self._settled = anyio.Event()
        self.state.health_status = "connecting"
        self._dismissed.set()
        self._wanted.set()

    # The task -----------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve those who want a connection, until the scope is cancelled."""
        try:
            with self.scope:
                while True:
                    await self._wanted.wait()
                    self._wanted = anyio.Event()
                    await self._connect()
        finally:
            self.state.session = self.watcher = None
            self._settled.set()
            self.finished.set()

    async def _connect(self) -> None:
        """Try to connect, a few times; hold the connection, and see to it that a new one comes if it goes."""
        for attempt in range(self._attempts):
            tries = attempt + max(0, self._restarts - 1)
            if tries:
                await anyio.sleep(self._policy.delay(tries - 1))
            born, started = time.monotonic(), self.state.started
            failure = await self._hold()
            if self.state.started > started:
                self._lost(failure, time.monotonic() - born)
                return
            self._failure = failure
            _logger.debug("%s: attempt %d: %s", self.state.config.name, attempt + 1, failure)
        self.state.health_status = "unhealthy"
        self._renewing = False
        self._settled.set()

    async def _hold(self) -> ClientError:
        """Open the connection and hold it to its end; return what ended it, or why there was none."""
        config = self.state.config
        self._dismissed = anyio.Event()
        failure: ClientError = ConnectionClosed("the connection was closed on this side")
        try:
            target = config.target() if callable(config.target) else config.target
            async with connect(target, self._settings(config.settings)) as session:
                await self._attend(session)
        except ClientError as error:
            failure = error
            self.failed(error)
        except Exception as error:  # noqa: BLE001 - whatever ends one server, the others go on
            failure = ConnectionClosed(f"{type(error).__name__}: {error}")
            self.failed(failure)
        finally:
            self.state.session = self.watcher = None
        return failure

    def _settings(self, settings: ClientSettings) -> ClientSettings:
        handlers = settings.handlers
        sampling, elicitation = self._asked(handlers.sampling), self._asked(handlers.elicitation)
        asked = replace(handlers, sampling=sampling, elicitation=elicitation)
        return replace(settings, on_notification=self._hear, handlers=asked)

    def _asked(self, handler: Handler | None) -> Handler | None:
        if handler is None:
            return None

        async def asked(params: JsonObject) -> JsonObject:
            with running(self._clocks):
                return await handler(params)

        return asked

    async def _attend(self, session: ClientConnection) -> None:
        async with task_group() as tasks:
            self.watcher = Watcher(session, tasks, self._missed)
            self._changed = anyio.Event()
            tasks.start_soon(self.watcher.lists, self._policy)
            await self.watcher.listening()
            capabilities = await negotiate(session)
            await self._ears.offers(self.state, capabilities)
            self._arrived(session, capabilities)
            tasks.start_soon(self._refresh, session)
            tasks.start_soon(self._wait_for_end, session)
            await self._dismissed.wait()

    def _arrived(self, session: ClientConnection, capabilities: Capabilities) -> None:
        state = self.state
        state.session, state.capabilities, state.health_status = session, capabilities, "healthy"
        state.connected_at = self._wall_clock()
        state.started += 1
        self._renewing = False
        self._settled.set()

    async def _wait_for_end(self, session: ClientConnection) -> None:
        await session.ended.wait()
        raise ConnectionClosed(await self._epitaph(session))

    async def _epitaph(self, session: ClientConnection) -> str:
        """Ask a connection that has ended why: any request is answered with that."""
        try:
            await session.ping()
        except ClientError as error:
            return str(error)
        return "the connection was lost"

    def _lost(self, failure: ClientError, lived: float) -> None:
        """Decide what comes after a connection that is no more; where it was dismissed, the next is wanted already."""
        if self._wanted.is_set():
            return
        state = self.state
        state.health_status = "unhealthy"
        self._restarts = 0 if lived > _LASTING else self._restarts + 1
        _logger.warning("%s: %s", state.config.name, failure)
        if state.config.restart and self._restarts <= _ATTEMPTS and not self._renewing:
            self._begin(_ATTEMPTS)

    # What the server tells ----------------------------------------------------------------------

    def _hear(self, notification: Notification) -> None:
        self._ears.notified(self.state.config.name, notification)
        if notification.method.endswith("/list_changed"):
            self._changed.set()
        self.state.config.settings.on_notification(notification)

    def _missed(self, uri: str | None) -> None:
        self._ears.missed(self.state.config.name, uri)
        if uri is None:
            self._changed.set()

    async def _refresh(self, session: ClientConnection) -> None:
        """Read the lists again when they have changed; what changes meanwhile, or could not be read, once more, after a
        pause that grows: a server may tell of a change whenever its lists are read."""
        rounds = 0
        while True:
            await self._changed.wait()
            self._changed = anyio.Event()
            try:
                capabilities = await negotiate(session)
            except ClientError as error:
                self.failed(error)
                self._changed.set()
            else:
                self.state.capabilities = capabilities
                await self._ears.offers(self.state, capabilities)
            await anyio.sleep(self._policy.delay(rounds))
            rounds = rounds + 1 if self._changed.is_set() else 0
