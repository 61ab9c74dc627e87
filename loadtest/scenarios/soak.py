"""Sessions that come and go as long as one likes, and what the target keeps: memory, descriptors, threads, sessions.

What counts is what a unit of work leaves behind, with its interval, and that it does not stop. Over stdio, where a
process is the session, it is calls that come and go.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from loadtest.found import Found, holds_of
from loadtest.leaks import QUANTITIES, Growth, Quantity, examine
from loadtest.scenario import Offer, Scenario, Wishes
from loadtest.scenarios.steady import chosen
from loadtest.workload import Workload
from reports.records import CostSample, LoadJudgement

if TYPE_CHECKING:
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor

__all__ = ["SOAK"]

_CALLS = 2
"""Calls of a session."""
_SEEN: dict[str, Callable[[CostSample], float | None]] = {
    "memory": lambda sample: sample.rss_bytes,
    "descriptors": lambda sample: sample.fds,
    "threads": lambda sample: sample.threads,
}
"""What is looked at, and where it stands."""
_REMEMBERED = 20
"""Sessions between the end of one and the question whether it is gone."""
_KNOCK_EVERY = 0.5
_BRIEF = 1.0
"""Seconds in which nobody can have looked at anything."""
_TOO_SHORT = "the run was too short to tell: --duration 60, or more, tells"
_UNSEEN = "the target's processes cannot be seen from here; run on its machine"
_BEGIN, _END = "session set-up", "session end"


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    sessions = offer.transport != "stdio"
    return Workload(
        name="soak",
        operations=chosen(offer, wishes),
        why="" if wishes.tools else offer.why_usual(),
        scenario="soak",
        parameters={"sessions": sessions, "unit": "session" if sessions else "call"},
    )


def _turn(visitor: Visitor) -> Sample:
    """Come, ask, and go, leaving nothing behind on our side."""
    if not visitor.parameters["sessions"]:
        return visitor.ask()
    begun = visitor.set_up(_BEGIN)
    if begun.failure is not None:
        return begun
    for _ in range(_CALLS):
        sample = visitor.ask()
    conversation = visitor.conversation
    visitor.tear_down(_END)
    _knock(visitor, getattr(conversation, "ended", None))
    return sample


def _knock(visitor: Visitor, ended: str | None) -> None:
    """Ask, once in a while, in a session that ended some time ago: a target that still answers has kept it."""
    sessions: deque[str] = visitor.shared.setdefault("ended", deque(maxlen=_REMEMBERED))
    if ended is not None:
        sessions.append(ended)
    if ended is None or len(sessions) < _REMEMBERED or time.perf_counter() < visitor.shared.get("knock", 0.0):
        return
    visitor.shared["knock"] = time.perf_counter() + _KNOCK_EVERY
    conversation: Any = visitor.another()
    conversation.resume(sessions[0])
    exchange = conversation.call(visitor.traffic.next_template(), visitor.marker())
    conversation.close()
    visitor.remark("ended", {"kept": float(exchange.failure is None)})


def _judge(found: Found) -> Iterable[LoadJudgement]:
    series = found.cost.series if found.cost is not None else ()
    for name, value_of in _SEEN.items():
        quantity = QUANTITIES[name]
        title = f"no {quantity.name} is left behind" if name == "memory" else f"no {quantity.name} are left behind"
        if not series:
            yield LoadJudgement(name=title, holds=None, explanation=_TOO_SHORT if found.seconds < _BRIEF else _UNSEEN)
            continue
        growth = examine(quantity, found.points([(sample.second, value_of(sample)) for sample in series]))
        yield _told(title, quantity, growth, found)
    if knocks := [remark.numbers["kept"] for remark in found.of_kind("ended")]:
        kept = int(sum(knocks))
        yield LoadJudgement(
            name="sessions that were ended are gone",
            holds=holds_of(kept, len(knocks)),
            explanation=f"of {len(knocks)} sessions that the target had ended, {kept} still answered",
            measured=float(kept),
            limit=0.0,
            unit="sessions",
        )


def _told(title: str, quantity: Quantity, growth: Growth | None, found: Found) -> LoadJudgement:
    if growth is None:
        return LoadJudgement(name=title, holds=None, explanation=_TOO_SHORT)
    unit, each = found.parameters.get("unit", "call"), _operations_of_a_unit(found)
    slope = growth.per_unit
    figures = [_figure(quantity, value * each) for value in (slope.middle, slope.low, slope.high)]
    per_second = _figure(quantity, growth.per_second.middle)
    over = f"over {growth.units / each:,.0f} {unit}s in {growth.seconds:,.0f} s after the warm-up"
    kept = "keeps growing" if growth.leaks else "does not keep growing"
    said = f"{figures[0]} a {unit} (95 %: {figures[1]} to {figures[2]}), {per_second} a second, {over}: it {kept}"
    return LoadJudgement(
        name=title,
        holds=not growth.leaks,
        explanation=said,
        measured=round(slope.middle * each, 4),
        unit=f"{quantity.unit} a {unit}",
    )


def _operations_of_a_unit(found: Found) -> float:
    """Return how many operations were counted for each unit of work."""
    total = sum(counts.total for counts in found.counts.values())
    sessions = found.counts[_BEGIN].total if _BEGIN in found.counts else total
    return total / sessions if sessions else 1.0


def _figure(quantity: Quantity, value: float) -> str:
    if quantity.name != "memory":
        return f"{value:.3f}"
    return f"{value / 1024:,.1f} KiB" if abs(value) >= 1024 else f"{value:,.0f} bytes"


SOAK = Scenario(
    "soak",
    "sessions that come and go (--duration 60 or more): does the target keep memory, descriptors or threads of them?",
    _workload,
    _turn,
    opens=False,
    judge=_judge,
)
