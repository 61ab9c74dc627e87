"""A server without any oddity."""

from __future__ import annotations

from conformance.clients.scenario import PLAIN, Behaviour, Scenario

__all__ = ["SCENARIO"]

SCENARIO = Scenario(PLAIN, "speaks one revision and nothing else, and answers in JSON", lambda _: Behaviour())
