"""Steady calls of one tool or of several, each with arguments of its own, so that no cache answers for the target."""

from __future__ import annotations

import msgspec

from loadtest.scenario import Offer, Scenario, Wishes
from loadtest.workload import Operation, Workload

__all__ = ["STEADY", "chosen"]


def chosen(offer: Offer, wishes: Wishes) -> tuple[Operation, ...]:
    """Return the calls of the tools that the user named, else the one that is usual. Raises `Unavailable`."""
    named = tuple(msgspec.structs.replace(offer.call(tool), weight=weight) for tool, weight in wishes.tools)
    return named or (offer.usual(),)


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    why = "" if wishes.tools else offer.why_usual()
    return Workload(name="steady calls", operations=chosen(offer, wishes), why=why)


STEADY = Scenario("steady", "calls of one tool, or of several as often as their weights say", _workload)
