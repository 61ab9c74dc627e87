"""Hearing of changes: of a server's lists, and of the resources that are read again and again.

Source: `basic/patterns/subscriptions` of 2026-07-28, `server/resources#subscriptions` of 2025-11-25.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import anyio.abc

from reference_impl.client.connection import ClientConnection
from reference_impl.client.errors import ClientError, ConnectionClosed
from reference_impl.client.retrying import RetryPolicy
from reference_impl.client.subscriptions import Filter

__all__ = ["MOST_WATCHED", "Watcher"]

_logger = logging.getLogger(__name__)
MOST_WATCHED = 16
"""Resources of one server that are subscribed to at most; the one read longest ago goes first."""
_MOST_SEEN = 1024
"""URIs that are remembered as read once."""
_PATIENCE = 5.0
"""Seconds that a subscription may take, before its resource is read without one."""
_ATTEMPTS = 8
"""How often in a row the stream of changes may break, before it is left until the server answers something else."""


@dataclass(slots=True)
class _Watch:
    """A subscription to one resource: `settled` once the server has answered, `granted` if it agreed."""

    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    settled: anyio.Event = field(default_factory=anyio.Event)
    granted: bool = False


class Watcher:
    """The subscriptions of one connection; its tasks run in `tasks`.

    The connection's own notifications bring the news. `missed` is called where some may have been lost: with the URI
    that is not subscribed to any more, or with None where any list may have changed.
    """

    def __init__(
        self, connection: ClientConnection, tasks: anyio.abc.TaskGroup, missed: Callable[[str | None], None]
    ) -> None:
        self._connection, self._tasks, self._missed = connection, tasks, missed
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._watched: OrderedDict[str, _Watch] = OrderedDict()
        self._refused: set[str] = set()
        self._heard = anyio.Event()
        self._alive = anyio.Event()

    def answered(self) -> None:
        """Take notice that the server is there."""
        self._alive.set()

    # Lists --------------------------------------------------------------------------------------

    async def lists(self, policy: RetryPolicy) -> None:
        """Hear of changed lists for as long as the server tells; a legacy one does so unasked."""
        try:
            await self._hear_of_lists(policy)
        finally:
            self._heard.set()

    async def listening(self) -> None:
        """Wait a while until changes of lists are heard of: what is read after that is never missed to be stale."""
        with anyio.move_on_after(_PATIENCE):
            await self._heard.wait()

    async def _hear_of_lists(self, policy: RetryPolicy) -> None:
        wanted = self._listed()
        failures = 0
        while wanted.wire() and self._connection.revision.modern:
            try:
                async with self._connection.listen(wanted) as news:
                    self._heard.set()
                    if failures:
                        self._missed(None)
                    async for _ in news:
                        failures = 0
                # It has ended in good order, as it does where the server is about to be replaced.
            except ConnectionClosed as error:
                _logger.debug("the stream of changes broke: %s", error)
            except ClientError as error:
                _logger.warning("the server tells of no changes: %s", error)
                return
            self._heard.set()  # nobody is to wait for what does not come at once
            if self._connection.ended.is_set():
                return
            await anyio.sleep(policy.delay(failures))
            failures += 1
            if failures >= _ATTEMPTS:
                self._alive = anyio.Event()
                await self._alive.wait()

    def _listed(self) -> Filter:
        offers = self._connection.agreement.offers
        return Filter(
            tools=offers("tools.listChanged"),
            prompts=offers("prompts.listChanged"),
            resources=offers("resources.listChanged"),
        )

    # Resources ----------------------------------------------------------------------------------

    async def watches(self, uri: str) -> bool:
        """Tell whether the server tells of changes of a resource. Who asks for the second time makes it so."""
        if uri in self._watched:
            self._watched.move_to_end(uri)
        elif not self._worth_it(uri):
            return False
        else:
            self._begin(uri)
        watch = self._watched[uri]
        with anyio.move_on_after(_PATIENCE):
            await watch.settled.wait()
        return watch.granted

    def _worth_it(self, uri: str) -> bool:
        """A subscription costs as much as a read: a resource that is read once gets none."""
        if not self._connection.agreement.offers("resources.subscribe") or uri in self._refused:
            return False
        again = uri in self._seen
        self._seen[uri] = None
        self._seen.move_to_end(uri)
        while len(self._seen) > _MOST_SEEN:
            self._seen.popitem(last=False)
        return again

    def _begin(self, uri: str) -> None:
        while len(self._watched) >= MOST_WATCHED:
            _, oldest = self._watched.popitem(last=False)
            oldest.scope.cancel()
        self._watched[uri] = _Watch()
        self._tasks.start_soon(self._hold, uri, self._watched[uri])

    async def _hold(self, uri: str, watch: _Watch) -> None:
        try:
            with watch.scope:
                async with self._connection.listen(Filter(uris=(uri,))) as news:
                    watch.granted = "resourceSubscriptions" in (news.accepted or {})
                    watch.settled.set()
                    async for _ in news:
                        pass
        except ClientError as error:
            _logger.debug("%s is not watched: %s", uri, error)
        finally:
            if not watch.granted and len(self._refused) < _MOST_SEEN:
                self._refused.add(uri)
            watch.granted = False
            watch.settled.set()
            if self._watched.get(uri) is watch:
                del self._watched[uri]
            self._missed(uri)
