"""Calls that ask back: each is answered, as often as it asks, and counts from its first request to its last answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from loadtest.answers import ANSWERS, answers_to, asked
from loadtest.incoming import capabilities_for
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes
from loadtest.workload import Operation, Workload
from reference_impl.protocol.lifecycle import CLIENT_CAPABILITIES

if TYPE_CHECKING:
    from loadtest.exchange import Exchange
    from loadtest.incoming import Notice
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor
    from loadtest.wire import Template

__all__ = ["ROUNDS"]

_MOST = 8
"""Rounds of one call: who asks more never ends."""
_UNASKED = "no question"


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    named = tuple(msgspec.structs.replace(offer.call(tool), weight=weight) for tool, weight in wishes.tools)
    calls = named or offer.asking[:1]
    if not calls:
        raise Unavailable(
            "no tool that may be called is known to ask its client for something (a name such as ask or elicit, or "
            "asks in [tools] of touchstone.toml); --tool NAME names one"
        )
    return Workload(
        name="multi-round calls", operations=tuple(_able(each) for each in calls) if offer.modern else calls
    )


def _able(operation: Operation) -> Operation:
    """Declare, with the request itself, that we can be asked (2026-07-28 `basic/patterns/mrtr#capabilities`)."""
    meta = {**operation.params.get("_meta", {}), CLIENT_CAPABILITIES: capabilities_for(ANSWERS)}
    return msgspec.structs.replace(operation, params={**operation.params, "_meta": meta})


def _turn(visitor: Visitor) -> Sample:
    due, template, marker = visitor.due(), visitor.traffic.next_template(), visitor.marker()
    heard: list[Notice] = []
    visitor.conversation.on_notice = lambda notice: heard.append(notice) if notice.method in ANSWERS else None
    first = visitor.call(template, marker)
    last, rounds = _answered(visitor, template, marker, first)
    whole = last._replace(sent=first.sent, first_byte=first.first_byte)
    asked_back = rounds or heard or last.failure is not None
    return visitor.record(template.name if asked_back else f"{template.name}, {_UNASKED}", whole, due)


def _answered(visitor: Visitor, template: Template, marker: int, first: Exchange) -> tuple[Exchange, int]:
    """Send a call again with answers until it asks no more; return how it ended, and the rounds that took.

    A legacy server asks on the channel and is answered there, while its call waits: those are no rounds here.
    """
    exchange = first
    for done in range(_MOST):
        question = asked(exchange.message)
        if question is None:
            return exchange, done
        exchange = visitor.call(template.again(marker, answers_to(question)), marker)
    return exchange, _MOST


ROUNDS = Scenario(
    "rounds",
    "calls of a tool that asks back, answered until it is content: the time of the whole",
    _workload,
    _turn,
    needs="a tool that asks its client",
    answers=ANSWERS,
)
