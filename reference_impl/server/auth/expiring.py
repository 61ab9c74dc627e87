"""A map that forgets: its entries expire, and there are never more than a given number."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Expiring", "digest"]

Value = TypeVar("Value")


def digest(secret: str) -> bytes:
    """Return what a secret is kept and looked up by: nothing that leaks from a comparison helps to guess it."""
    return hashlib.sha256(secret.encode()).digest()


class Expiring(Generic[Value]):
    """Secrets to values, each for some seconds; beyond `most`, the oldest entries go. Only digests are kept."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._entries: OrderedDict[bytes, tuple[float, Value]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, secret: str, value: Value, seconds: float) -> None:
        """Keep `value` for `seconds`."""
        key = digest(secret)
        self._entries[key] = (self._clock() + seconds, value)
        self._entries.move_to_end(key)
        while self._entries and (len(self._entries) > self._most or self._oldest_is_over()):
            self._entries.popitem(last=False)

    def get(self, secret: str) -> Value | None:
        """Return what is kept, or None."""
        ends, value = self._entries.get(digest(secret), (0.0, None))
        return value if ends > self._clock() else None

    def take(self, secret: str) -> Value | None:
        """Return what is kept and forget it, or None: of two who ask, one gets it."""
        ends, value = self._entries.pop(digest(secret), (0.0, None))
        return value if ends > self._clock() else None

    def _oldest_is_over(self) -> bool:
        ends, _ = next(iter(self._entries.values()))
        return ends <= self._clock()
