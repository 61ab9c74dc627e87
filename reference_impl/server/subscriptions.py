"""Who hears of changes: legacy sessions, and modern `subscriptions/listen` streams (`basic/patterns/subscriptions`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reference_impl.protocol.errors import Code, RemoteProtocolError
from reference_impl.protocol.lifecycle import SUBSCRIPTION_ID
from reference_impl.protocol.messages import Notification
from reference_impl.protocol.tasks import declares_extension, extension_required
from reference_impl.server.access import seconds_left
from reference_impl.server.exchange import Exchange, Session

if TYPE_CHECKING:
    from reference_impl.server.server import AdvancedMCPServer

__all__ = ["MOST_SUBSCRIPTIONS", "Hub", "Subscription", "listen"]

_LISTS = {"toolsListChanged": "tools", "promptsListChanged": "prompts", "resourcesListChanged": "resources"}
"""Filter member to the list that it is about."""

MOST_SUBSCRIPTIONS = 1000
"""Resources that one session, or one listen stream, can be told of: a template has URIs without end."""
_QUIET = 0.05
"""Seconds in which further changes of a list are gathered."""


@dataclass(slots=True, eq=False)
class Subscription:
    """One open listen stream: what the client wants to hear, as far as this server can tell it."""

    exchange: Exchange
    lists: frozenset[str]
    uris: frozenset[str]
    accepted: dict[str, Any]
    tasks: frozenset[str] = frozenset()

    def notify(self, method: str, params: dict[str, Any] | None = None) -> None:
        """Send a notification marked with this subscription's id."""
        meta = {SUBSCRIPTION_ID: self.exchange.request.id}
        self.exchange.notify(method, {"_meta": meta, **(params or {})})


@dataclass(slots=True)
class Hub:
    """All who hear of changes. What changes may be told from any thread; `attach` says where the listeners live.

    A list that changes several times within `_QUIET` seconds is announced at once and, for the rest, once more.
    `on_subscribed` hears which resources somebody begins to listen to, or none for their list alone, before that is
    confirmed.
    """

    sessions: set[Session] = field(default_factory=set)
    subscriptions: set[Subscription] = field(default_factory=set)
    _endings: set[asyncio.Future[None]] = field(default_factory=set)
    closed: bool = False
    on_subscribed: Callable[[Iterable[str]], Awaitable[None]] | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _again: dict[str, bool] = field(default_factory=dict)

    def attach(self) -> None:
        """Note that the listeners live on the loop that runs here."""
        self._loop = asyncio.get_running_loop()

    async def subscribed(self, uris: Iterable[str]) -> None:
        """Tell whoever watches resources that these are about to have a listener."""
        if self.on_subscribed is not None:
            await self.on_subscribed(uris)

    def watched(self) -> set[str]:
        """Return the URIs of all resources that anybody listens to."""
        heard = [session.subscriptions for session in self.sessions] + [each.uris for each in self.subscriptions]
        return set().union(*heard)

    def heard(self, kind: str) -> bool:
        """Tell whether somebody asked to be told of changes of a list."""
        return any(kind in subscription.lists for subscription in self.subscriptions)

    def list_changed(self, kind: str) -> None:
        """Announce that the list of `tools`, `prompts` or `resources` is another now."""
        self._on_loop(self._list_changed, kind)

    def resource_updated(self, uri: str) -> None:
        """Announce that a resource reads differently now."""
        self._on_loop(self._resource_updated, uri)

    def _on_loop(self, act: Callable[[str], None], what: str) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # a thread, or nobody listens yet
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(act, what)
        else:
            act(what)

    def _list_changed(self, kind: str) -> None:
        if kind in self._again:
            self._again[kind] = True
        elif self.sessions or self.subscriptions:
            self._announce(kind)

    def _announce(self, kind: str) -> None:
        self._again[kind] = False
        asyncio.get_running_loop().call_later(_QUIET, self._look_again, kind)
        method = f"notifications/{kind}/list_changed"
        for session in self.sessions:
            if session.initialized:
                session.send(Notification(method))
        for subscription in self.subscriptions:
            if kind in subscription.lists:
                subscription.notify(method)

    def _look_again(self, kind: str) -> None:
        if self._again.pop(kind):
            self._announce(kind)

    def _resource_updated(self, uri: str) -> None:
        method = "notifications/resources/updated"
        for session in self.sessions:
            if session.initialized and uri in session.subscriptions:
                session.send(Notification(method, {"uri": uri}))
        for subscription in self.subscriptions:
            if uri in subscription.uris:
                subscription.notify(method, {"uri": uri})

    def task_changed(self, task_id: str, state: Callable[[], dict[str, Any]]) -> None:
        """Announce that a task is in another state now (`extensions/tasks#task-status-notifications`)."""
        for subscription in self.subscriptions:
            if task_id in subscription.tasks:
                subscription.notify("notifications/tasks", state())

    async def until_closed(self) -> None:
        """Wait for `close`."""
        if self.closed:
            return
        ending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._endings.add(ending)
        try:
            await ending
        finally:
            self._endings.discard(ending)

    def close(self) -> None:
        """End every listen stream gracefully: the server is going away."""
        self.closed = True
        for ending in self._endings:
            if not ending.done():
                ending.set_result(None)


async def listen(server: AdvancedMCPServer, exchange: Exchange, params: dict[str, Any]) -> dict[str, Any]:
    """Serve `subscriptions/listen`: acknowledge, then keep the request open until either side ends it."""
    subscription = _subscription(server, exchange, params.get("notifications"))
    states = await _watched_tasks(server, exchange, params["notifications"].get("taskIds", []))
    if states:
        subscription.tasks = frozenset(states)
        subscription.accepted["taskIds"] = list(states)
    if subscription.uris or "resources" in subscription.lists:
        await server.hub.subscribed(subscription.uris)
    subscription.notify("notifications/subscriptions/acknowledged", {"notifications": subscription.accepted})
    server.hub.subscriptions.add(subscription)
    try:
        if states:
            await _tell_states(server, subscription)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds_left()):  # what a token has opened does not outlive it
                await server.hub.until_closed()
    finally:
        server.hub.subscriptions.discard(subscription)
    # `basic/patterns/cancellation` demands the notification, `basic/patterns/subscriptions` the result: both are given.
    subscription.notify("notifications/cancelled", {"requestId": exchange.request.id, "reason": "server shutting down"})
    return {"_meta": {SUBSCRIPTION_ID: exchange.request.id}}


async def _tell_states(server: AdvancedMCPServer, subscription: Subscription) -> None:
    """Tell of tasks that may have changed for the last time before anybody listened."""
    for state in (await server.tasks.states(subscription.exchange, subscription.tasks)).values():
        if state["status"] != "working":
            subscription.notify("notifications/tasks", state)


def _subscription(server: AdvancedMCPServer, exchange: Exchange, wanted: Any) -> Subscription:
    if not server.options.listens:
        raise RemoteProtocolError(Code.METHOD_NOT_FOUND, "Method not found: nothing here ever changes")
    if not isinstance(wanted, dict):
        raise _invalid("notifications must be an object")
    capabilities = server.capabilities(exchange.revision)
    accepted: dict[str, Any] = {}
    for member, kind in _LISTS.items():
        flag = wanted.get(member, False)
        if not isinstance(flag, bool):
            raise _invalid(f"notifications.{member} must be a boolean")
        if flag and kind in capabilities:
            accepted[member] = True
    uris = wanted.get("resourceSubscriptions", [])
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise _invalid("notifications.resourceSubscriptions must be an array of URIs")
    if len(uris) > MOST_SUBSCRIPTIONS:
        raise _invalid(f"notifications.resourceSubscriptions holds more than {MOST_SUBSCRIPTIONS} URIs")
    known = [uri for uri in uris if server.find_resource(uri) is not None]
    if known:
        accepted["resourceSubscriptions"] = known
    lists = frozenset(kind for member, kind in _LISTS.items() if member in accepted)
    return Subscription(exchange, lists, frozenset(known), accepted)


async def _watched_tasks(server: AdvancedMCPServer, exchange: Exchange, wanted: Any) -> dict[str, dict[str, Any]]:
    """Return the states of those tasks that the client has, by id.

    Raises `RemoteProtocolError` (-32021) if it wants tasks without having declared the extension.
    """
    if not isinstance(wanted, list) or not all(isinstance(task_id, str) for task_id in wanted):
        raise _invalid("notifications.taskIds must be an array of task ids")
    if wanted and not declares_extension(exchange.capabilities):
        raise extension_required()
    return await server.tasks.states(exchange, wanted)


def _invalid(what: str) -> RemoteProtocolError:
    return RemoteProtocolError(Code.INVALID_PARAMS, f"Invalid params: {what}")
