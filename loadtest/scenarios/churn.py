"""Sessions that come and go: set-up, one call, end, each recorded apart, so that none hides in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from loadtest.scenario import Offer, Scenario, Wishes
from loadtest.scenarios.steady import chosen
from loadtest.workload import Workload

if TYPE_CHECKING:
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor

__all__ = ["CHURN"]


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    """Name what is set up and ended; where there are no sessions, these are connections."""
    http, hello = offer.transport == "http", None
    if offer.transport == "stdio" and offer.modern:
        hello = msgspec.to_builtins(offer.cheap)  # a process is there once it answers
    what = "process" if offer.transport == "stdio" else "session" if http and not offer.modern else "connection"
    return Workload(
        name=f"{what} churn",
        operations=chosen(offer, wishes),
        parameters={"begin": f"{what} set-up", "end": f"{what} end", "process": what == "process", "hello": hello},
    )


def _turn(visitor: Visitor) -> Sample:
    hello = visitor.prepared("hello") if visitor.parameters["hello"] else None
    begun = visitor.set_up(visitor.parameters["begin"], hello)
    if begun.failure is not None:
        return begun
    sample = visitor.ask()
    visitor.tear_down(visitor.parameters["end"], silent=visitor.parameters["process"])
    return sample


CHURN = Scenario(
    "churn",
    "a session for each call (over stdio a process): its set-up, the call and its end, apart",
    _workload,
    _turn,
    opens=False,
    alone=True,
)
