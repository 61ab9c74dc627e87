"""What the others notice while somebody's slow call runs: a cheap call beside it, against the same call alone.

One user alternates between windows of equal length, one with a slow call and one without; all others ask something
cheap throughout. What tells a blocked event loop from a busy machine is the longest wait in a window, as a part of the
window: on the same machine at the same time the quiet windows show what it is without a slow call.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from loadtest.found import Found
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes, with_argument
from loadtest.workload import MARKER, Operation, Workload
from reports.records import LoadJudgement

if TYPE_CHECKING:
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor

__all__ = ["NEIGHBOUR"]

_WINDOW = 0.5
_HEAVY = 500_000
_PAUSE = 0.02
"""Between the cheap calls of a user: they look, they are no load."""
_WINDOWS = 2
"""Fewer tell nothing."""
_BLOCKED = 0.5
"""Somebody whose call waits for so much of a slow one waits for its end; a fair share of a processor is less."""
_TIMES_QUIET = 3.0
"""How many times longer than without a slow call the wait must be."""
_SHORTEST = 0.1
ALONE, BESIDE, SLOW = "cheap call alone", "cheap call beside a slow one", "slow call"


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    slow = _slow(offer, wishes)
    cheap = (msgspec.structs.replace(offer.cheap, name=name) for name in (ALONE, BESIDE))
    operations = (*cheap, msgspec.structs.replace(slow, name=SLOW))
    return Workload(name="neighbour", operations=operations, scenario="neighbour", parameters={"window": _WINDOW})


def _slow(offer: Offer, wishes: Wishes) -> Operation:
    """Return a tool known to be slow, the one the user named, or a call that is heavy for its size."""
    if wishes.tools:
        named = wishes.tools[0][0]
        slow = next((each for each in offer.slow if each.operation.params.get("name") == named), None)
        return offer.call(named) if slow is None else _lasting(slow.operation, slow.argument)
    if offer.slow:
        return _lasting(offer.slow[0].operation, offer.slow[0].argument)
    if offer.large:
        return with_argument(offer.large[0], _HEAVY)
    if offer.echo is not None:
        return with_argument(offer.echo, MARKER + "." * _HEAVY)
    raise Unavailable(
        "no tool that may be called is slow (a name such as sleep, an argument seconds) or takes or gives much; "
        "--tool NAME names one"
    )


def _lasting(operation: Operation, argument: str) -> Operation:
    arguments = dict(operation.params.get("arguments", {}))
    members = (operation.schema or {}).get("properties")
    kind = members.get(argument, {}).get("type") if isinstance(members, dict) else None
    arguments[argument] = 1 if kind == "integer" else _WINDOW
    return msgspec.structs.replace(operation, params={**operation.params, "arguments": arguments})


def _turn(visitor: Visitor) -> Sample:
    """The first user is the slow one, all others ask something cheap."""
    return _slow_turn(visitor) if visitor.number == 0 else _cheap_turn(visitor)


def _cheap_turn(visitor: Visitor) -> Sample:
    visitor.due()
    time.sleep(_PAUSE)
    waiting: dict[int, float] = visitor.shared.setdefault("waiting", {})
    waiting[visitor.number] = time.perf_counter()
    sample = visitor.ask(visitor.templates[BESIDE if visitor.shared.get("slow") else ALONE])
    del waiting[visitor.number]
    visitor.shared.setdefault("cheap", []).append((sample.sent, sample.done))
    return sample


def _slow_turn(visitor: Visitor) -> Sample:
    """Make a slow call, or as many as fill a window; then keep quiet for as long; then compare."""
    visitor.due()
    shared, length = visitor.shared, float(visitor.parameters["window"])
    shared["slow"], began = True, time.perf_counter()
    sample = visitor.ask(visitor.templates[SLOW])
    while sample.failure is None and time.perf_counter() < began + length:
        sample = visitor.ask(visitor.templates[SLOW])
    shared["slow"], ended = False, time.perf_counter()
    time.sleep(ended - began)
    now = time.perf_counter()
    if sample.failure is None:
        numbers = {"beside": _longest(shared, began, ended), "alone": _longest(shared, ended, now)}
        visitor.remark("window", {**numbers, "length": ended - began})
    shared["cheap"] = []
    return sample


def _longest(shared: dict[str, Any], begin: float, end: float) -> float:
    """Return the longest part of a window that a single cheap call waited, in seconds."""
    now = time.perf_counter()
    waits = [*shared.get("cheap", ()), *((sent, now) for sent in shared.get("waiting", {}).values())]
    return max((min(done, end) - max(sent, begin) for sent, done in waits), default=0.0)


def _judge(found: Found) -> Iterable[LoadJudgement]:
    windows = [remark.numbers for remark in found.of_kind("window")]
    name = "a slow call holds up nobody else"
    asked = sum(found.counts[each].total for each in (ALONE, BESIDE) if each in found.counts)
    if len(windows) < _WINDOWS or not asked:
        why = f"{len(windows)} slow calls ended well, {asked} cheap ones were made; two of each are needed"
        yield LoadJudgement(name=name, holds=None, explanation=f"{why}: a longer --duration, or more --users")
        return
    beside, alone = (statistics.median(each[kind] / each["length"] for each in windows) for kind in ("beside", "alone"))
    length = statistics.median(each["length"] for each in windows)
    held_up = beside >= _BLOCKED and beside * length >= _SHORTEST
    certain = beside >= _TIMES_QUIET * alone
    waits = f"a cheap call waited up to {1000 * beside * length:,.0f} ms of the {1000 * length:,.0f} ms of a slow one"
    said = f"{waits}, and {1000 * alone * length:,.0f} ms where none ran (medians of {len(windows)} windows)"
    if held_up and not certain:
        said += "; the machine is too busy to tell the two apart"
    yield LoadJudgement(
        name=name,
        holds=None if held_up and not certain else not held_up,
        explanation=said,
        measured=round(beside, 4),
        limit=max(_BLOCKED, round(_TIMES_QUIET * alone, 4)),
        unit="of the slow call",
    )


NEIGHBOUR = Scenario(
    "neighbour",
    "a cheap call while a slow one runs, against the same call alone",
    _workload,
    _turn,
    needs="a slow tool, or one that takes or gives much",
    rests=True,
    judge=_judge,
)
