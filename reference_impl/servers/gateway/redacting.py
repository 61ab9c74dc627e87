"""Secrets taken out of everything that leaves, by their value: an upstream may repeat what it was sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from reference_impl.security.redaction import Redactor as Spelt

__all__ = ["Redactor"]

_MOST_TOKENS = 50
"""Tokens that are remembered; the oldest have expired by then."""


class Redactor:
    """Knows the secrets of the environment for good, and the last of the tokens, however they are written."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = tuple(filter(None, secrets))
        self._tokens: deque[str] = deque(maxlen=_MOST_TOKENS)
        self._spelt = self._known()

    def _known(self) -> Spelt:
        return Spelt([*self._secrets, *self._tokens])

    def learn(self, token: str) -> None:
        """Take this out from now on."""
        self._tokens.append(token)
        self._spelt = self._known()

    def text(self, text: str) -> str:
        """Return a text without secrets."""
        return self._spelt.text(text)

    def holds(self, data: bytes) -> bool:
        """Tell whether bytes hold a secret."""
        text = data.decode("latin-1")
        return self.text(text) != text

    def value(self, value: Any) -> Any:
        """Return a JSON value without secrets, in keys and in texts."""
        return self._spelt.values(value)
