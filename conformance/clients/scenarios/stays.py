"""A server on standard streams that complains all along, and does not leave."""

from __future__ import annotations

from dataclasses import replace

from conformance.clients.reply import Noise, Reply
from conformance.clients.scenario import Behaviour, Scenario, Turn

__all__ = ["SCENARIO"]

_COMPLAINTS = Noise(
    b"ERROR: the weather is bad\nTraceback (most recent call last):\nRuntimeError: it is only talk\nnot JSON: {\n"
)


def _reply(turn: Turn) -> Reply | None:
    return replace(turn.usual(), before=(_COMPLAINTS,)) if turn.is_request else None


SCENARIO = Scenario(
    "stays",
    "writes errors to standard error all along, and ends neither at the end of its input nor at SIGTERM",
    lambda _: Behaviour(reply=_reply, started=(_COMPLAINTS,), lingers=True),
    transports=("stdio",),
    idle=12.0,
    apart=True,
)
