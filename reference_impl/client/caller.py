"""One round trip: a request dressed as its revision wants it, its deadline, and the progress that moves it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import Any

import anyio

from reference_impl.client.callbacks import inform
from reference_impl.client.deadlines import Deadline, Deadlines
from reference_impl.client.errors import ConnectionClosed, RequestTimeout
from reference_impl.client.patience import hurried
from reference_impl.client.settings import CallOptions, ClientSettings, JsonObject, Progress
from reference_impl.client.tracing import trace_context
from reference_impl.client.wire import Answer, Wire
from reference_impl.protocol.lifecycle import LOG_LEVEL, request_meta
from reference_impl.protocol.messages import ErrorResponse, Notification, Request, Response
from reference_impl.protocol.revisions import Revision

__all__ = ["Caller"]


class _Watch:
    """A request under way: its deadline, how far progress moves it, and who wants to know."""

    __slots__ = ("_last", "_options", "_timeout", "deadline")

    def __init__(self, now: float, timeout: float, maximum: float, options: CallOptions) -> None:
        self.deadline = Deadline(now + timeout, now + max(timeout, maximum))
        self._timeout, self._options = timeout, options
        self._last = float("-inf")

    def move(self, progress: Progress, now: float) -> None:
        """Take one notification: it starts the timeout anew. One that tells of no progress is passed over."""
        if progress.progress <= self._last:
            return
        self._last = progress.progress
        if self.deadline.when < math.inf:  # a clock that stands goes on where it stood
            self.deadline.when = min(now + self._timeout, self.deadline.latest)
        if self._options.on_progress is not None:
            inform(self._options.on_progress, progress)


class Caller:
    """Makes requests over a wire, each with an id that this connection never used before.

    `log_level` goes with every modern request that names none of its own.
    """

    def __init__(self, wire: Wire, settings: ClientSettings) -> None:
        self.wire = wire
        self.settings = settings
        self.log_level: str | None = None
        self._ids = count(1)
        self._watched: dict[str | int, _Watch] = {}
        self._heard: dict[str | int, Callable[[Progress], None]] = {}
        self._deadlines = Deadlines()
        self._described: tuple[Revision | None, JsonObject] = (None, {})

    def new_id(self) -> int:
        """Return an id for a request, unique on this connection."""
        return next(self._ids)

    async def call(self, method: str, params: JsonObject | None, options: CallOptions, schema: Any = None) -> Answer:
        """Send a request and return its answer, whatever it says.

        Raises `RequestTimeout` once the request was cancelled for its silence, and whatever the wire raises.
        """
        request = self.dressed(method, params, options)
        timeout = options.timeout or self.settings.timeout
        watch = _Watch(self._deadlines.now(), timeout, self.settings.maximum, options)
        self._watched[request.id] = watch
        self._deadlines.watch(request.id, watch.deadline)
        try:
            return await self.wire.exchange(request, schema)
        except asyncio.CancelledError:
            if watch.deadline.caused():
                raise RequestTimeout(method, timeout) from None
            raise
        finally:
            del self._watched[request.id]
            self._deadlines.forget(request.id)

    def dressed(self, method: str, params: JsonObject | None, options: CallOptions) -> Request:
        """Return the request with the metadata that its revision demands and the options ask for."""
        identifier = self.new_id()
        meta: JsonObject = {**trace_context(), **options.meta, **self._description()}
        level = (options.log_level or self.log_level) if self.wire.revision.modern else None
        if level is not None:
            meta[LOG_LEVEL] = level
        if options.on_progress is not None:
            # Tokens are unique among the active requests, as their ids are.
            meta["progressToken"] = identifier
        if not meta:
            return Request(identifier, method, params)
        return Request(identifier, method, {**(params or {}), "_meta": meta})

    def _description(self) -> JsonObject:
        """Return what every request has to say of the client: the same as long as the revision is."""
        revision, settings = self.wire.revision, self.settings
        if self._described[0] is not revision:
            capabilities = settings.handlers.capabilities(revision)
            said = request_meta(revision, dict(settings.info), capabilities) if revision.modern else {}
            self._described = (revision, said)
        return self._described[1]

    async def tell(self, message: Notification | Response | ErrorResponse) -> None:
        """Send a message that has no answer. Raises what the wire raises, also if it is not taken in time."""
        timeout = self.settings.timeout
        with anyio.move_on_after(timeout) as scope, hurried(scope):
            await self.wire.send(message)
            return
        raise ConnectionClosed(f"the server did not take a message within {timeout:g} s: it reads no more")

    def asked(self) -> AbstractContextManager[None]:
        """Enter where the server asks something: what is `unhurried` inside stops the clocks of every call."""
        return self._deadlines.asked()

    def close(self) -> None:
        """Keep no more time."""
        self._deadlines.close()

    def progressed(self, params: JsonObject) -> None:
        """Take the `params` of a progress notification; one that names no request under way is ignored."""
        token, progress, total, message = (params.get(key) for key in ("progressToken", "progress", "total", "message"))
        if not isinstance(token, str | int) or isinstance(token, bool) or not isinstance(progress, int | float):
            return
        total = total if isinstance(total, int | float) else None
        told = Progress(progress, total, message if isinstance(message, str) else None)
        if token in self._watched:
            self._watched[token].move(told, self._deadlines.now())
        elif token in self._heard:
            inform(self._heard[token], told)

    @contextmanager
    def hearing(self, on_progress: Callable[[Progress], None] | None) -> Iterator[JsonObject]:
        """Yield metadata that asks for progress beyond the answer of a request, as a task makes it; `on_progress` hears
        of it for the length of the block (2025-11-25, `basic/utilities/tasks#task-progress-notifications`)."""
        if on_progress is None:
            yield {}
            return
        token = f"task-{self.new_id()}"
        self._heard[token] = on_progress
        try:
            yield {"progressToken": token}
        finally:
            del self._heard[token]
