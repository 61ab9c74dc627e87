"""Telling subscribers that a file has changed: subscribed files are looked at now and then, and no others."""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from reference_impl.server import ToolError
from reference_impl.servers.filesystem.beneath import OutsideError, Place, holder
from reference_impl.servers.filesystem.replacing import Signature, signature
from reference_impl.servers.filesystem.roots import Roots, located
from reference_impl.servers.filesystem.uris import path_of, uri_of

if TYPE_CHECKING:
    from reference_impl.server import AdvancedMCPServer

__all__ = ["Watcher"]

_MOST_KNOWN = 1000


class Watcher:
    """Looks at subscribed files every `interval` seconds, as long as there are any.

    Where clients bring their own roots, a file is watched once it was read: only then is it known that it may be.
    """

    def __init__(self, roots: Roots, interval: float) -> None:
        self._roots = roots
        self._interval = interval
        self._listed = set() if roots.asks else {uri_of(root.path) for root in roots.given}
        self._server: AdvancedMCPServer | None = None
        self._known: OrderedDict[str, Place] = OrderedDict()
        self._signatures: dict[str, Signature | None] = {}
        self._task: asyncio.Task[None] | None = None

    def attach(self, server: AdvancedMCPServer) -> None:
        """Serve the subscribers of `server`."""
        self._server = server
        server.hub.on_subscribed = self._subscribed

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None, None]:
        """Return a context that ends the watching with the last conversation."""
        try:
            yield
        finally:
            task, self._task = self._task, None
            self._signatures.clear()
            if task is not None:
                task.cancel()

    async def know(self, path: str, place: Place) -> None:
        """Note where a client was allowed to read; from now on it is watched for who has subscribed already."""
        if self._roots.asks:
            self._known[path] = place
            self._known.move_to_end(path)
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
            unseen = [uri for uri in self._wanted() if uri not in self._signatures and path_of(uri) == path]
            if unseen:
                await self._subscribed(unseen)

    async def _subscribed(self, uris: Iterable[str]) -> None:
        """See how files are before their subscriber is answered, so that no later change is missed."""
        new = [uri for uri in {*uris, *self._listed} if uri not in self._signatures]
        for uri, now in (await asyncio.to_thread(self._look, new)).items():
            self._signatures.setdefault(uri, now)
        if self._task is None and self._signatures:
            self._task = asyncio.create_task(self._watch())

    def _wanted(self) -> set[str]:
        """Return what has to be looked at: what somebody subscribed to, and the roots for whoever hears of lists."""
        if self._server is None:
            return set()
        hub = self._server.hub
        return hub.watched() | (self._listed if hub.heard("resources") else set())

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            for uri, now in (await asyncio.to_thread(self._look, sorted(self._wanted()))).items():
                before = self._signatures.get(uri, now)
                self._signatures[uri] = now
                if now != before:
                    self._tell(uri)
            wanted = self._wanted()
            self._signatures = {uri: seen for uri, seen in self._signatures.items() if uri in wanted}
            if not self._signatures:
                break
        self._task = None

    def _tell(self, uri: str) -> None:
        if self._server is not None:
            self._server.resource_updated(uri)
            if uri in self._listed:
                self._server.hub.list_changed("resources")

    def _look(self, uris: Iterable[str]) -> dict[str, Signature | None]:
        return {uri: self._signature(place) for uri in uris if (place := self._place(uri)) is not None}

    def _place(self, uri: str) -> Place | None:
        path = path_of(uri)
        if path is None or self._roots.asks:
            return self._known.get(path or "")
        try:
            return located(path, self._roots.given)
        except ToolError:
            return None

    def _signature(self, place: Place) -> Signature | None:
        try:
            with holder(place) as (above, name):
                return signature(os.stat(name, dir_fd=above, follow_symlinks=False))
        except (OutsideError, OSError):
            return None
