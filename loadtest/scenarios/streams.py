"""Many idle subscribers, and how long it takes until all of them hear of a change.

The first user changes something by a tool, on a conversation of its own; all others listen. The delay runs from the
moment at which the change is asked for to the arrival of its notification at each subscriber. Whoever hears nothing, or
hears it twice, counts as an error.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from loadtest.exchange import Exchange
from loadtest.found import Found, holds_of
from loadtest.sample import Failure, Sample
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes
from loadtest.workload import Operation, Workload
from reference_impl.metrics import ErrorClass
from reports.records import LoadJudgement

if TYPE_CHECKING:
    from loadtest.incoming import Notice
    from loadtest.visitor import Visitor

__all__ = ["STREAMS"]

_CHANGE, _SUBSCRIBE, _FAN_OUT, _WATCH = "change", "open a stream", "notification of a change", "subscribe to a resource"
_UPDATED = "notifications/resources/updated"
_METHODS = frozenset({_UPDATED, *(f"notifications/{kind}/list_changed" for kind in ("tools", "prompts", "resources"))})
_IDLE = 0.2
_SETTLED = 0.5
"""Seconds without a new subscriber until changes begin."""
_PATIENCE = 10.0
"""Seconds that a notification may take before it counts as missing."""
_AGAIN = 0.2
"""Seconds after the last arrival in which it may come twice; also more than servers gather changes for."""
_MISSING, _TWICE = "missing-notification", "doubled-notification"


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    if wishes.tools:
        change: Operation | None = offer.call(wishes.tools[0][0])
    else:
        change = next(iter(offer.changing), None)
    if change is None:
        raise Unavailable(
            "no tool that may be called is known to change a list (toggle, register); --tool NAME names one, and "
            "--allow NAME lets it be called"
        )
    resources = offer.capabilities.get("resources")
    watched = offer.resources[:1] if isinstance(resources, dict) and resources.get("subscribe") else ()
    operations = [msgspec.structs.replace(change, name=_CHANGE)]
    if watched and not offer.modern:
        operations.append(Operation(name=_WATCH, method="resources/subscribe", params={"uri": watched[0]}))
    return Workload(
        name="streams",
        operations=tuple(operations),
        scenario="streams",
        parameters={"watched": list(watched), "one": offer.transport == "stdio", "modern": offer.modern},
    )


def _turn(visitor: Visitor) -> Sample:
    """The first user makes changes; all others listen. On stdio one listener hears all that comes."""
    visitor.due()
    if visitor.number == 0:
        return _change(visitor)
    if visitor.number == 1 or not visitor.parameters["one"]:
        _see_to_stream(visitor)
    return _rested(_IDLE)


def _rested(seconds: float) -> Sample:
    time.sleep(seconds)
    now = time.perf_counter()
    return Sample(_FAN_OUT, now, now, now, now)


# Those who listen -------------------------------------------------------------------------------------


def _see_to_stream(visitor: Visitor) -> None:
    """Open the stream of this user where there is none, or none any more."""
    listening = visitor.memory.get("stream")
    subscribers: set[int] = visitor.shared.setdefault("subscribers", set())
    if listening is not None and listening.ended is None:
        return
    if listening is not None:
        subscribers.discard(visitor.number)
        visitor.remark("lost", {"subscriber": visitor.number}, listening.ended.message)
    if not visitor.conversation.is_open and visitor.open() is not None:
        return
    listening = visitor.conversation.listen(_wanted(visitor.parameters))
    visitor.memory["stream"] = None if listening.ended is not None else listening
    visitor.record(_SUBSCRIBE, listening.opened)
    if listening.ended is None:
        if _WATCH in visitor.templates:
            visitor.ask(visitor.templates[_WATCH])
        visitor.conversation.on_notice = _hears(visitor)
        subscribers.add(visitor.number)
        visitor.shared["settled"] = time.perf_counter() + _SETTLED


def _wanted(parameters: dict[str, Any]) -> dict[str, Any]:
    lists = dict.fromkeys(("toolsListChanged", "promptsListChanged", "resourcesListChanged"), True)
    return {**lists, **({"resourceSubscriptions": parameters["watched"]} if parameters["watched"] else {})}


def _hears(visitor: Visitor) -> Callable[[Notice], None]:
    def hear(notice: Notice) -> None:
        change = visitor.shared.get("change")
        if change is None or notice.method not in _METHODS:
            return
        heard: set[tuple[int, str]] = change["heard"]
        again = (visitor.number, notice.method) in heard
        heard.add((visitor.number, notice.method))
        failure = Failure(ErrorClass.JSON_RPC, _TWICE, f"{notice.method} came twice for one change") if again else None
        visitor.record(_FAN_OUT, Exchange(change["at"], notice.at, notice.at, 0, failure))

    return hear


# The one who makes changes ----------------------------------------------------------------------------


def _change(visitor: Visitor) -> Sample:
    """Change something, wait until everybody has heard of it or nobody can expect it any more, and count."""
    shared = visitor.shared
    if time.perf_counter() < shared.get("settled", time.perf_counter() + 1):
        return _rested(_IDLE)
    expected = frozenset(shared["subscribers"])
    change = shared["change"] = {"at": time.perf_counter(), "heard": set()}
    sample = visitor.ask(visitor.templates[_CHANGE])
    end = time.perf_counter() + _PATIENCE
    while time.perf_counter() < end and sample.failure is None and not _all_heard(change, expected):
        time.sleep(_IDLE / 10)
    time.sleep(_AGAIN)
    if sample.failure is None:
        _count(visitor, change, expected & frozenset(shared["subscribers"]))
    return sample


def _all_heard(change: dict[str, Any], expected: frozenset[int]) -> bool:
    return expected <= {number for number, _ in change["heard"]}


def _count(visitor: Visitor, change: dict[str, Any], expected: frozenset[int]) -> None:
    """Record who heard nothing of what others heard; of what nobody heard, only that: it may have changed nothing."""
    methods = {method for _, method in change["heard"]}
    if not methods:
        visitor.remark("silence", {"subscribers": float(len(expected))})
        return
    missed = [(number, method) for number in expected for method in methods if (number, method) not in change["heard"]]
    for number, method in missed:
        now = time.perf_counter()
        failure = Failure(ErrorClass.JSON_RPC, _MISSING, f"subscriber {number} never heard {method}")
        visitor.record(_FAN_OUT, Exchange(change["at"], now, now, 0, failure))
    visitor.remark("change", {"subscribers": float(len(expected)), "missed": float(len(missed))})


def _judge(found: Found) -> Iterable[LoadJudgement]:
    changes = [remark.numbers for remark in found.of_kind("change")]
    lost = found.of_kind("lost")
    silences = [remark.numbers["subscribers"] for remark in found.of_kind("silence")]
    missing, twice = found.failed(_MISSING) + int(sum(silences)), found.failed(_TWICE)
    most = max((each["subscribers"] for each in changes), default=0.0)
    name = "every subscriber hears of every change, once"
    if silences and not changes:
        why = f"in {len(silences)} changes nobody heard of any: the tool may change no list (--tool names another)"
        yield LoadJudgement(name=name, holds=None, explanation=why)
        return
    if not changes or not most:
        refused = next((row.example for row in found.errors if row.operation == _SUBSCRIBE), "")
        why = f"no stream could be opened: {refused}" if refused else "nobody listened while something changed"
        yield LoadJudgement(name=name, holds=None, explanation=f"{why} (two users or more, a longer --duration)")
        return
    said = f"{len(changes) + len(silences)} changes, up to {most:,.0f} subscribers"
    said += f": {missing:,} notifications missing, {twice:,} doubled"
    yield LoadJudgement(
        name=name,
        holds=holds_of(missing + twice, len(changes)),
        explanation=said + (f"; {len(lost):,} streams were lost" if lost else ""),
        measured=float(missing + twice),
        limit=0.0,
        unit="notifications",
    )


STREAMS = Scenario(
    "streams",
    "idle subscribers (--users), and how long until all of them hear of a change",
    _workload,
    _turn,
    needs="a tool that changes a list",
    rests=True,
    judge=_judge,
)
