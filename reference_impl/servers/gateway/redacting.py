"""Secrets taken out of everything that leaves, by their value: an upstream may repeat what it was sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from reference_impl.protocol.messages import encode_json

__all__ = ["Redactor"]

_INSTEAD = "[redacted]"
_MOST = 1_000


class Redactor:
    """Knows the secrets, in the ways that they are written in; those that were learned last come first."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None

    def learn(self, secrets: Iterable[str]) -> None:
        """Take these out from now on."""
        for secret in secrets:
            if secret:
                escaped = encode_json(secret).decode()[1:-1]
                self._known |= dict.fromkeys((secret, quote(secret, safe=""), quote_plus(secret), escaped))
        while len(self._known) > _MOST:
            self._known.pop(next(iter(self._known)))
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        return text if self._pattern is None else self._pattern.sub(_INSTEAD, text)

    def holds(self, data: bytes) -> bool:
        """Tell whether bytes hold a secret."""
        return self._pattern is not None and self._pattern.search(data.decode("latin-1")) is not None

    def value(self, value: Any) -> Any:
        """Return a JSON value without secrets, in keys and in texts."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(item) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        return value
