"""Resources that were read and have not changed since, as far as their server tells.

For servers of the legacy era, which give no hints how long a result is fresh: what is kept here is subscribed to, and
goes with the notification that it changed. Where there are hints (2026-07-28), each connection keeps results by them.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

from reference_impl.client.settings import JsonObject
from reference_impl.client.subscriptions import within
from reference_impl.protocol.messages import Notification, decode_json, encode_json

__all__ = ["ResourceCache"]

_MOST_ENTRIES = 512
_MOST_BYTES = 64 * 1024 * 1024


class ResourceCache:
    """Results of `resources/read` by server and URI, within bounds; the one used longest ago goes first."""

    def __init__(self, most_entries: int = _MOST_ENTRIES, most_bytes: int = _MOST_BYTES) -> None:
        self._most_entries, self._most_bytes = most_entries, most_bytes
        self._entries: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._bytes = 0
        self._ages: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._entries

    def find(self, server: str, uri: str) -> JsonObject | None:
        """Return what was read, as a copy, or None."""
        kept = self._entries.get((server, uri))
        if kept is None:
            return None
        self._entries.move_to_end((server, uri))
        found: JsonObject = decode_json(kept)
        return found

    def age(self, server: str) -> int:
        """Return how often something of a server became stale: a result asked for at another age may be so, too."""
        return self._ages[server]

    def keep(self, server: str, uri: str, result: JsonObject, age: int) -> None:
        """Keep a result that was asked for at this age, unless something has changed since."""
        data = encode_json(result)
        if age != self._ages[server] or len(data) > self._most_bytes // 4:
            return
        self._drop((server, uri))
        self._entries[server, uri] = data
        self._bytes += len(data)
        while len(self._entries) > self._most_entries or self._bytes > self._most_bytes:
            self._drop(next(iter(self._entries)))

    def notified(self, server: str, notification: Notification) -> None:
        """Forget what a notification makes stale: a resource and those it is a part of, or all where the list changed,
        as what is gone from it may not be served any more."""
        match notification.method:
            case "notifications/resources/updated":
                self.changed(server, (notification.params or {}).get("uri"))
            case "notifications/resources/list_changed":
                self.forget(server)

    def changed(self, server: str, uri: object) -> None:
        """Forget a resource, and those that it is a part of."""
        self._ages[server] += 1
        for key in [key for key in self._entries if key[0] == server and isinstance(uri, str) and within(uri, key[1])]:
            self._drop(key)

    def forget(self, server: str) -> None:
        """Forget everything of a server."""
        self._ages[server] += 1
        for key in [key for key in self._entries if key[0] == server]:
            self._drop(key)

    def _drop(self, key: tuple[str, str]) -> None:
        self._bytes -= len(self._entries.pop(key, b""))
