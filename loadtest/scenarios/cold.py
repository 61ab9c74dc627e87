"""The first answer: of a process that was just started, or on a connection that nobody used before."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from loadtest.scenario import Offer, Scenario, Wishes
from loadtest.scenarios.steady import chosen
from loadtest.workload import Workload

if TYPE_CHECKING:
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor

__all__ = ["COLD"]

_OF_A_PROCESS = "first answer of a process"
_ON_A_CONNECTION = "first answer on a new connection"


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    """What listens at a URL is warm: there the first answer is one on a new connection, and is called that."""
    process = offer.transport == "stdio"
    first = _OF_A_PROCESS if process else _ON_A_CONNECTION
    named = (msgspec.structs.replace(each, name=f"{first}: {each.name}") for each in chosen(offer, wishes))
    return Workload(name=first, operations=tuple(named), parameters={"end": "process end"} if process else {})


def _turn(visitor: Visitor) -> Sample:
    due = visitor.due()
    began = time.perf_counter()
    visitor.renew()
    template = visitor.traffic.next_template()
    exchange = visitor.call(template)
    sample = visitor.record(template.name, exchange._replace(sent=began), due)
    visitor.tear_down(visitor.parameters.get("end"), silent=True)
    return sample


COLD = Scenario(
    "cold",
    "from the start of a process to its first answer; at a URL, from a new connection on",
    _workload,
    _turn,
    opens=False,
    alone=True,
)
