"""Change notifications on request: `subscriptions/listen` of 2026-07-28, and the same shape over a legacy server.

Source: `basic/patterns/subscriptions`.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass

import anyio

from reference_impl.client.errors import ClientError, SessionLost
from reference_impl.client.settings import JsonObject
from reference_impl.protocol.lifecycle import SUBSCRIPTION_ID
from reference_impl.protocol.messages import Notification, RequestId

__all__ = ["Filter", "Subscription", "Subscriptions", "within"]

_logger = logging.getLogger(__name__)
_ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
_UPDATED = "notifications/resources/updated"
_MOST_PENDING = 10_000
"""Changes that wait for a slow reader at most; the oldest goes first."""
_TASK_STATUS = "notifications/tasks/status"


def within(uri: str, whole: str) -> bool:
    """Tell whether a URI names a resource or a part of it: updates may be of either (`ResourceUpdatedNotification`)."""
    rest = uri.removeprefix(whole.rstrip("/"))
    return uri == whole or (rest != uri and rest.startswith(("/", "?", "#")))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which changes to be told of: of lists, of the resources with these `uris`, and of the tasks with these ids."""

    tools: bool = False
    prompts: bool = False
    resources: bool = False
    uris: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()

    def wire(self) -> JsonObject:
        """Return the `notifications` member of a listen request; what is not wanted is left out."""
        flags = {
            "toolsListChanged": self.tools,
            "promptsListChanged": self.prompts,
            "resourcesListChanged": self.resources,
        }
        wanted: JsonObject = {name: True for name, flag in flags.items() if flag}
        wanted |= {"taskIds": list(self.tasks)} if self.tasks else {}
        return wanted | ({"resourceSubscriptions": list(self.uris)} if self.uris else {})

    def admits(self, notification: Notification) -> bool:
        """Tell whether a notification is one of those that were asked for."""
        if notification.method == _UPDATED:
            changed = (notification.params or {}).get("uri")
            return isinstance(changed, str) and any(within(changed, uri) for uri in self.uris)
        if notification.method == _TASK_STATUS:
            return (notification.params or {}).get("taskId") in self.tasks
        flags = {
            "notifications/tools/list_changed": self.tools,
            "notifications/prompts/list_changed": self.prompts,
            "notifications/resources/list_changed": self.resources,
        }
        return flags.get(notification.method, False)


class Subscription:
    """An open stream of changes: iterate over it. It ends when the server ends it in good order; if the connection
    breaks, the iteration raises the reason.

    `accepted` is the part of the filter that the server agreed to. Changes that were not yet taken and come again
    count once, so that a slow reader holds no more than one for each thing that can change.
    """

    def __init__(self, wanted: Filter) -> None:
        self.wanted = wanted
        self.accepted: JsonObject | None = None
        self._pending: OrderedDict[tuple[str, str | None], Notification] = OrderedDict()
        self._news = anyio.Event()
        self._ended = False
        self._failure: ClientError | None = None

    async def settled(self) -> None:
        """Wait until the server has acknowledged the filter. Raises what ended the subscription before."""
        while self.accepted is None and not self._ended:
            await self._wait()
        if self.accepted is None and self._failure is not None:
            raise self._failure

    def acknowledge(self, accepted: object) -> None:
        """Take the server's acknowledgement."""
        self.accepted = accepted if isinstance(accepted, dict) else {}
        refused = self.wanted.wire().keys() - self.accepted.keys()
        if refused:
            _logger.warning("the server will not tell of %s", ", ".join(sorted(refused)))
        self._news.set()

    def notify(self, notification: Notification) -> None:
        """Take a change that belongs here."""
        params = notification.params or {}
        what = params.get("uri", params.get("taskId"))
        self._pending[notification.method, what if isinstance(what, str) else None] = notification
        if len(self._pending) > _MOST_PENDING:
            (method, what), _ = self._pending.popitem(last=False)
            _logger.warning("nobody reads the changes: dropped %s %s", method, what)
        self._news.set()

    def end(self, failure: ClientError | None = None) -> None:
        """Note that nothing more will come, and why."""
        if not self._ended:
            self._ended = True
            self._failure = failure
        self._news.set()

    async def _wait(self) -> None:
        self._news = anyio.Event()
        await self._news.wait()

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Notification:
        while not self._pending:
            if self._failure is not None:
                raise self._failure
            if self._ended:
                raise StopAsyncIteration
            await self._wait()
        return self._pending.popitem(last=False)[1]


class Subscriptions:
    """The open subscriptions of a connection, by the id of the request that opened each."""

    def __init__(self) -> None:
        self._open: dict[tuple[type, RequestId], Subscription] = {}

    def add(self, identifier: RequestId, subscription: Subscription) -> None:
        """Register a subscription before its request goes out."""
        self._open[type(identifier), identifier] = subscription

    def remove(self, identifier: RequestId) -> None:
        """Forget a subscription."""
        self._open.pop((type(identifier), identifier), None)

    def fail(self, failure: ClientError) -> None:
        """Let every subscription end with the connection."""
        for subscription in self._open.values():
            subscription.end(failure)

    def forgotten(self) -> None:
        """Let what was subscribed to in a session that the server has lost end: nobody would tell of it any more."""
        for subscription in self._open.values():
            if subscription.wanted.uris:
                subscription.end(SessionLost("the server has ended the session: listen again"))

    def route(self, notification: Notification, *, modern: bool) -> None:
        """Give a notification to the subscription that its metadata names; in the legacy era, which has no such
        metadata, to all that want it."""
        if not modern:
            for subscription in self._open.values():
                if subscription.wanted.admits(notification):
                    subscription.notify(notification)
            return
        named = self._named(notification)
        if named is None:
            return
        if notification.method == _ACKNOWLEDGED:
            named.acknowledge((notification.params or {}).get("notifications"))
        elif notification.method == "notifications/cancelled":
            named.end()
        else:
            named.notify(notification)

    def _named(self, notification: Notification) -> Subscription | None:
        params = notification.params or {}
        meta = params.get("_meta")
        identifier = meta.get(SUBSCRIPTION_ID) if isinstance(meta, dict) else None
        if notification.method == "notifications/cancelled":
            # A server cancels nothing but subscriptions (`basic/patterns/cancellation#behavior-requirements`).
            identifier = params.get("requestId")
        return self._open.get((type(identifier), identifier)) if isinstance(identifier, str | int) else None
