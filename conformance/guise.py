"""Which client we are to a target: what we declare, and how we answer what a target asks of such a client."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["BARE", "CLIENT_INFO", "Answering", "Guise"]

CLIENT_INFO: dict[str, Any] = {"name": "touchstone", "version": "1"}

Answering = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]
"""Takes a request of the target, and returns the `result` or `error` member of the answer; None refuses it as a method
that is not declared, and an empty object answers nothing, for now or for ever."""


async def _refuse(_request: dict[str, Any]) -> None:
    """Answer nothing."""


@dataclass(frozen=True, slots=True)
class Guise:
    """One client: `capabilities` are declared in the handshake, and at 2026-07-28 with each request; `answer` is asked
    for each request of the target but `ping`, each in a task of its own, and may wait; `info` is what it says of
    itself."""

    capabilities: dict[str, Any] = field(default_factory=dict)
    answer: Answering = _refuse
    info: dict[str, Any] = field(default_factory=lambda: CLIENT_INFO)


BARE = Guise()
"""A client that declares nothing, so that a correct target asks it for nothing."""
