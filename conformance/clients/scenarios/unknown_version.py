"""A server that answers `initialize` with a version that nobody knows."""

from __future__ import annotations

from conformance.clients.scenario import Behaviour, Scenario, legacy

__all__ = ["SCENARIO"]

SCENARIO = Scenario(
    "unknown-version",
    "answers `initialize` with a version that does not exist",
    lambda _: Behaviour(opening=lambda result: result | {"protocolVersion": "1999-01-01"}),
    binds=legacy,
)
