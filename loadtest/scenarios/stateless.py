"""Stateless requests against sessions: the same calls to the same server at the newest revision of either era.

The two take turns, and are compared. Requests of the modern era describe themselves; before it, users hold a session.
"""

from __future__ import annotations

from loadtest.scenario import Offer, Scenario, Wishes
from loadtest.scenarios.steady import chosen
from loadtest.workload import Workload

__all__ = ["STATELESS"]


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    return Workload(name="stateless against sessions", operations=chosen(offer, wishes))


STATELESS = Scenario(
    "stateless",
    "the same calls with sessions and without, side by side",
    _workload,
    needs="a target that speaks revisions of both eras",
    eras=True,
)
