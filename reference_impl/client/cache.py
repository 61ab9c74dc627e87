"""Results that the server allows to be kept, by the rules of `server/utilities/caching` (2026-07-28)."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from reference_impl.client.settings import JsonObject
from reference_impl.client.subscriptions import within
from reference_impl.protocol.messages import Notification, decode_json, encode_json

__all__ = ["ResultCache"]

_READ = "resources/read"
_LIMIT = 512
"""Results kept at most; the one that was used longest ago goes first."""

_INVALIDATED: dict[str, tuple[str, ...]] = {
    "notifications/tools/list_changed": ("tools/list",),
    "notifications/prompts/list_changed": ("prompts/list",),
    "notifications/resources/list_changed": ("resources/list", "resources/templates/list"),
}
"""Notification to the methods whose kept results it makes stale (`#interaction-with-notifications`)."""


@dataclass(frozen=True, slots=True)
class _Entry:
    result: bytes
    stale_at: float


class ResultCache:
    """Keeps complete results of one server while they are fresh.

    A private result is served in the authorization context that brought it, and in no other. `clock` counts seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ages: dict[str, int] = {}
        self._entries: OrderedDict[tuple[str, bytes, str | None], _Entry] = OrderedDict()

    def find(self, method: str, params: JsonObject | None, context: str = "") -> JsonObject | None:
        """Return a fresh result of the very same request, or None."""
        for scope in (None, context):
            key = (method, _canonical(params), scope)
            entry = self._entries.get(key)
            if entry is None:
                continue
            if self._clock() < entry.stale_at:
                self._entries.move_to_end(key)
                found: JsonObject = decode_json(entry.result)  # a copy: what the caller does to it stays his own
                return found
            del self._entries[key]
        return None

    def keep(self, method: str, params: JsonObject | None, result: JsonObject, context: str = "") -> None:
        """Keep a result as long as its own hints allow, which may be not at all."""
        lifetime, shared = result.get("ttlMs"), result.get("cacheScope") == "public"
        if isinstance(lifetime, bool) or not isinstance(lifetime, int | float) or lifetime <= 0:
            return  # absent and negative mean zero (`#time-to-live-ttl-field`)
        key = (method, _canonical(params), None if shared else context)
        self._entries[key] = _Entry(encode_json(result), self._clock() + lifetime / 1000)
        self._entries.move_to_end(key)
        while len(self._entries) > _LIMIT:
            self._entries.popitem(last=False)

    def age(self, method: str) -> int:
        """Return how often results of a method became stale: one that was asked for at another age may be so too."""
        return self._ages.get(method, 0)

    def drop(self, *methods: str) -> None:
        """Forget every result of these methods."""
        for method in methods:
            self._ages[method] = self.age(method) + 1
        for key in [key for key in self._entries if key[0] in methods]:
            del self._entries[key]

    def notified(self, notification: Notification) -> None:
        """Forget what a change notification makes stale."""
        if notification.method == "notifications/resources/updated":
            self._updated((notification.params or {}).get("uri"))
        self.drop(*_INVALIDATED.get(notification.method, ()))

    def _updated(self, uri: object) -> None:
        """Forget a resource, and those that it is a part of."""
        self._ages[_READ] = self.age(_READ) + 1
        for key in [key for key in self._entries if key[0] == _READ]:
            whole = decode_json(key[1]).get("uri")
            if isinstance(uri, str) and isinstance(whole, str) and within(uri, whole):
                del self._entries[key]


def _canonical(params: JsonObject | None) -> bytes:
    """The parameters that affect the result: `_meta` says how to answer, not what."""
    kept = {key: value for key, value in sorted((params or {}).items()) if key != "_meta"}
    return encode_json(kept)
