"""Many first calls at once, of a process that was just started: what the first call loads or locks deadlocks here.

Each round starts the target afresh. First one call goes alone, which tells how long a first answer takes on this
machine; then, on other fresh processes, many go at once, and have ten times as long and some seconds more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from loadtest.exchange import CANCELLED, Exchange
from loadtest.found import Found, holds_of
from loadtest.sample import Failure, Sample
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes
from loadtest.serving import Served
from loadtest.workload import Workload
from reference_impl.metrics import ErrorClass
from reports.records import LoadJudgement

if TYPE_CHECKING:
    from loadtest.exchange import Conversation
    from loadtest.visitor import Visitor
    from loadtest.wire import Template

__all__ = ["FIRST_CALLS"]

_AT_ONCE = 8
_LONGER = 10.0
_EXTRA = 3.0
ALONE, TOGETHER = "first call alone", "first calls at once"


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    if offer.transport != "stdio" and offer.serving is None:
        raise Unavailable(
            "what listens at a URL has had its first call; give a command, or what serves the URL with --start"
        )
    call = offer.call(wishes.tools[0][0]) if wishes.tools else offer.usual()
    return Workload(
        name="first calls",
        operations=tuple(msgspec.structs.replace(call, name=name) for name in (ALONE, TOGETHER)),
        scenario="first-calls",
        parameters={} if offer.serving is None else {"serving": offer.serving.parameters()},
    )


def _turn(visitor: Visitor) -> Sample:
    """Start afresh, and call: alone the first time, from then on with many at once. One user is enough for that."""
    if visitor.number:
        return _idle()
    visitor.due()
    if "serving" in visitor.parameters:
        served = visitor.shared.setdefault("served", Served(visitor.parameters["serving"]))
        served.kill()
        served.start()
    alone: float | None = visitor.memory.get("alone")
    number, patience = (1, None) if alone is None else (_AT_ONCE, _LONGER * alone + _EXTRA)
    template = visitor.templates[ALONE if alone is None else TOGETHER]
    exchanges = _called_at_once(visitor, template, number, patience)
    samples = [visitor.record(template.name, exchange) for exchange in exchanges]
    longest = max(sample.uncorrected for sample in samples)
    numbers = {"asked": float(number), "unanswered": float(sum(map(_unanswered, samples))), "longest": longest}
    visitor.remark("alone" if alone is None else "together", {**numbers, "patience": patience or 0.0})
    visitor.memory["alone"] = longest if alone is None else alone
    return samples[-1]


def _idle() -> Sample:
    time.sleep(0.1)
    now = time.perf_counter()
    return Sample(TOGETHER, now, now, now, now)


def _called_at_once(visitor: Visitor, template: Template, number: int, patience: float | None) -> list[Exchange]:
    """Call so many times at once: over stdio on one conversation, elsewhere on one each; they open at the same time."""
    own = visitor.renew()
    if "serving" in visitor.parameters:
        conversations = [own, *(visitor.another() for _ in range(number - 1))]
    elif (failure := visitor.open()) is not None:
        now = time.perf_counter()
        return [Exchange(now, now, now, 0, failure)]
    else:
        conversations = [own] * number
    exchanges: list[Exchange] = []
    # Threads are greenlets in the Locust process.
    callers = [
        threading.Thread(target=_call, args=(visitor, each, (template, patience), exchanges)) for each in conversations
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for each in {id(each): each for each in conversations}.values():
        each.close()
    return exchanges


def _call(visitor: Visitor, conversation: Conversation, what: tuple[Template, float | None], into: list[Any]) -> None:
    """Call once, and take the call back where the answer is too long in coming."""
    template, patience = what
    failure = None if conversation.is_open else visitor.traffic.open(conversation)
    if failure is not None:
        now = time.perf_counter()
        into.append(Exchange(now, now, now, 0, failure))
        return
    call = conversation.begin(template, visitor.marker())
    timer = threading.Timer(patience or 3600.0, call.cancel)
    timer.daemon = True
    timer.start()
    exchange = call.finish()
    timer.cancel()
    if exchange.failure == CANCELLED:
        exchange = exchange._replace(failure=Failure(ErrorClass.TIMEOUT, "first-call", "no answer"))
    into.append(exchange)


def _unanswered(sample: Sample) -> bool:
    return sample.failure is not None and sample.failure.error_class is ErrorClass.TIMEOUT


def _judge(found: Found) -> Iterable[LoadJudgement]:
    rounds = [remark.numbers for remark in found.of_kind("together")]
    first = next((remark.numbers for remark in found.of_kind("alone")), None)
    hung = [each for each in rounds if each["unanswered"]]
    name = "first calls that come at once are all answered"
    if first is None:
        yield LoadJudgement(name=name, holds=None, explanation="the target was not started afresh a single time")
        return
    alone = f"alone, a first call took {1000 * first['longest']:,.0f} ms"
    if first["unanswered"]:
        said = "the very first call, alone, was not answered"
    elif hung:
        asked, missing, patience = (hung[0][key] for key in ("asked", "unanswered", "patience"))
        times = f"in {len(hung)} of {len(rounds)} fresh processes"
        said = f"{alone}; of {asked:.0f} at once {missing:.0f} had no answer after {patience:.1f} s, {times}"
    elif rounds:
        longest = max(each["longest"] for each in rounds)
        times = f"in {len(rounds)} fresh processes"
        said = f"{alone}; of {_AT_ONCE} at once the last took {1000 * longest:,.0f} ms, {times}"
    else:
        said = f"{alone}; there was no time left for calls at once: a longer --duration"
    wrong = len(hung) + int(first["unanswered"])
    yield LoadJudgement(
        name=name,
        holds=holds_of(wrong, len(rounds)),
        explanation=said,
        measured=float(wrong),
        limit=0.0,
        unit="fresh processes",
    )


FIRST_CALLS = Scenario(
    "first-calls",
    "many first calls at once, of a process that was just started: does it deadlock?",
    _workload,
    _turn,
    needs="a command, or --start",
    opens=False,
    rests=True,
    judge=_judge,
    alone=True,
)
