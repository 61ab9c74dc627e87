"""Steady calls of one tool or of several, each with arguments of its own, so that no cache answers for the target."""

from __future__ import annotations

import msgspec

from loadtest.scenario import Offer, Scenario, Wishes
from loadtest.workload import Workload

__all__ = ["STEADY"]


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    named = tuple(msgspec.structs.replace(offer.call(tool), weight=weight) for tool, weight in wishes.tools)
    return Workload(name="steady calls", operations=named or (offer.usual(),))


STEADY = Scenario("steady", "calls of one tool, or of several as often as their weights say", _workload)
