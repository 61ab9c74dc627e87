"""One round trip: a request dressed as its revision wants it, its deadline, and the progress that moves it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import anyio

from reference_impl.client.errors import RequestTimeout
from reference_impl.client.settings import CallOptions, ClientSettings, JsonObject, Progress
from reference_impl.client.wire import Answer, Wire
from reference_impl.protocol.lifecycle import LOG_LEVEL, request_meta
from reference_impl.protocol.messages import Request

__all__ = ["Caller"]


class _Watch:
    """A request under way: its deadline, the moment that no progress moves it beyond, and who wants to know."""

    __slots__ = ("_last", "_latest", "_options", "_scope", "_timeout")

    def __init__(self, scope: anyio.CancelScope, timeout: float, latest: float, options: CallOptions) -> None:
        self._scope, self._timeout, self._latest, self._options = scope, timeout, latest, options
        self._last = float("-inf")

    def move(self, progress: Progress) -> None:
        """Take one notification: it starts the timeout anew if it tells of any progress at all."""
        if progress.progress > self._last:
            self._last = progress.progress
            self._scope.deadline = min(anyio.current_time() + self._timeout, self._latest)
        if self._options.on_progress is not None:
            self._options.on_progress(progress)


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

    def new_id(self) -> int:
        """Return an id for a request, unique on this connection."""
        return next(self._ids)

    async def call(self, method: str, params: JsonObject | None, options: CallOptions, schema: Any = None) -> Answer:
        """Send a request and return its answer, whatever it says.

        Raises `RequestTimeout` once the request was cancelled for its silence, and whatever the wire raises.
        """
        request = self.dressed(method, params, options)
        timeout = options.timeout or self.settings.timeout
        latest = anyio.current_time() + max(timeout, self.settings.maximum)
        with anyio.CancelScope(deadline=anyio.current_time() + timeout) as scope:
            with self._watching(request, _Watch(scope, timeout, latest, options)):
                return await self.wire.exchange(request, schema)
        raise RequestTimeout(method, timeout)

    def dressed(self, method: str, params: JsonObject | None, options: CallOptions) -> Request:
        """Return the request with the metadata that its revision demands and the options ask for."""
        identifier, revision, settings = self.new_id(), self.wire.revision, self.settings
        meta: JsonObject = dict(options.meta)
        if revision.modern:
            meta |= request_meta(revision, dict(settings.info), settings.handlers.capabilities(revision))
            level = options.log_level or self.log_level
            if level is not None:
                meta[LOG_LEVEL] = level
        if options.on_progress is not None:
            # Tokens are unique among the active requests, as their ids are.
            meta["progressToken"] = identifier
        if not meta:
            return Request(identifier, method, params)
        return Request(identifier, method, {**(params or {}), "_meta": meta})

    @contextmanager
    def _watching(self, request: Request, watch: _Watch) -> Iterator[None]:
        self._watched[request.id] = watch
        try:
            yield
        finally:
            del self._watched[request.id]

    def progressed(self, params: JsonObject) -> None:
        """Take the `params` of a progress notification; one that names no request under way is ignored."""
        token, progress, total, message = (params.get(key) for key in ("progressToken", "progress", "total", "message"))
        watch = self._watched.get(token) if isinstance(token, str | int) else None
        if watch is None or not isinstance(progress, int | float):
            return
        total = total if isinstance(total, int | float) else None
        watch.move(Progress(progress, total, message if isinstance(message, str) else None))
