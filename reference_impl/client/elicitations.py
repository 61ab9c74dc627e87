"""What a user does in a browser at a server's wish, and how the client learns that it is done (2025-11-25).

Source: `client/elicitation#completion-notifications-for-url-mode-elicitation`, `#url-elicitation-required-error`.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import anyio

from reference_impl.client.settings import JsonObject

__all__ = ["UrlElicitations", "required_elicitations"]

_LIMIT = 256
"""Interactions that are remembered at most; the oldest goes first."""


class UrlElicitations:
    """The interactions that were agreed to and are not known to be over, by their id."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, anyio.Event] = OrderedDict()

    def begin(self, identifier: str) -> anyio.Event:
        """Remember an interaction before its user is asked; the event is set when it is over."""
        over = self._open.setdefault(identifier, anyio.Event())
        while len(self._open) > _LIMIT:
            self._open.popitem(last=False)
        return over

    def complete(self, params: JsonObject) -> bool:
        """Take the `params` of a completion; tell whether its interaction is one that was still open."""
        identifier = params.get("elicitationId")
        over = self._open.pop(identifier, None) if isinstance(identifier, str) else None
        if over is not None:
            over.set()
        return over is not None


def required_elicitations(data: Any) -> list[JsonObject]:
    """Return the questions in the `data` of a URLElicitationRequiredError; none if one of them is not to be asked."""
    wanted = data.get("elicitations") if isinstance(data, dict) else None
    if not isinstance(wanted, list):
        return []
    return wanted if all(_askable(question) for question in wanted) else []


def _askable(question: Any) -> bool:
    match question:
        case {"mode": "url", "url": str(), "elicitationId": str()}:
            return True
    return False
