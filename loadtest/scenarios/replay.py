"""A recorded conversation again and again, at the rate that is asked for: each arrival is its next request.

Ids, sessions and metadata are of the day; a request that continues an earlier one bears the state that the target gives
now. Answers are compared in shape: a result where there was a result, an error where there was an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from loadtest.found import Found, holds_of
from loadtest.recorded import Step, shape_of
from loadtest.sample import Failure
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes
from loadtest.wire import Message
from loadtest.workload import Operation, Workload
from reference_impl.metrics import ErrorClass
from reference_impl.protocol.messages import Request
from reports.records import LoadJudgement

if TYPE_CHECKING:
    from loadtest.exchange import Exchange
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor

__all__ = ["REPLAY"]

_OTHER = "other-shape"


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    del offer
    if not wishes.recording:
        raise Unavailable("what is to be replayed? --recording FILE names records, a HAR file, or messages", asked=True)
    operations = [
        Operation(name=_name(number, step), method=step.method, params=step.params)
        for number, step in enumerate(wishes.recording)
        if not step.notification
    ]
    return Workload(
        name="replay",
        operations=tuple(operations),
        scenario="replay",
        parameters={"steps": [msgspec.to_builtins(step) for step in wishes.recording]},
    )


def _name(number: int, step: Step) -> str:
    what = step.params.get("name", step.params.get("uri", ""))
    return f"{number + 1}. {step.method} {what}".rstrip()


def _turn(visitor: Visitor) -> Sample:
    """Take the next step; notifications go with the request that follows. Whoever is through begins a new session."""
    steps: list[Step] = visitor.memory.get("steps") or _read(visitor)
    number = visitor.memory.get("next", 0)
    if number >= len(steps):
        number = 0
        visitor.tear_down()
        visitor.renew()
    if not visitor.conversation.is_open:
        visitor.open()
    while steps[number].notification:
        visitor.conversation.notify(steps[number].method, steps[number].params)
        number = (number + 1) % len(steps)
    visitor.memory["next"] = number + 1
    return _asked(visitor, number, steps[number])


def _read(visitor: Visitor) -> list[Step]:
    steps = [msgspec.convert(step, Step) for step in visitor.parameters["steps"]]
    visitor.memory["steps"] = steps
    return steps


def _asked(visitor: Visitor, number: int, step: Step) -> Sample:
    due, name = visitor.due(), _name(number, step)
    if step.continues:
        params = {**step.params, **visitor.memory.get("state", {})}
        exchange = visitor.call(Message(name, Request(1, step.method, params), (visitor.traffic.revision, {})))
    else:
        exchange = visitor.call(visitor.templates[name])
    answer = _decoded(exchange)
    visitor.memory["state"] = _state(answer)
    return visitor.record(name, _compared(exchange, step, answer), due)


def _decoded(exchange: Exchange) -> object:
    try:
        return json.loads(exchange.message) if exchange.message else None
    except ValueError:
        return None


def _state(answer: object) -> dict[str, object]:
    """Return what the next request must bear if it continues this one (`basic/patterns/mrtr`)."""
    result = answer.get("result") if isinstance(answer, dict) else None
    state = result.get("requestState") if isinstance(result, dict) else None
    return {} if state is None else {"requestState": state}


def _compared(exchange: Exchange, step: Step, answer: object) -> Exchange:
    """Return the exchange as a success if its answer has the recorded shape, as a failure if it has another."""
    shape, code = shape_of(answer)
    if not shape or (exchange.failure is not None and exchange.failure.code in ("wrong-id", "foreign-answer")):
        return exchange
    if not step.shape:
        return exchange._replace(failure=None)
    if (shape, code) == (step.shape, step.code):
        return exchange._replace(failure=None)
    said = f"recorded was {_told(step.shape, step.code)}, answered {_told(shape, code)}"
    return exchange._replace(failure=Failure(ErrorClass.JSON_RPC, _OTHER, said))


def _told(shape: str, code: int | None) -> str:
    return shape if code is None else f"{shape} {code}"


def _judge(found: Found) -> Iterable[LoadJudgement]:
    other = found.failed(_OTHER)
    answered = sum(counts.ok for counts in found.counts.values()) + other
    first = next((f": {row.operation}, {row.example}" for row in found.errors if row.code == _OTHER), "")
    yield LoadJudgement(
        name="answers are what they were when recorded",
        holds=holds_of(other, answered),
        explanation=f"{other:,} of {answered:,} answers have another shape{first}",
        measured=float(other),
        limit=0.0,
        unit="answers",
    )


REPLAY = Scenario(
    "replay",
    "a recorded conversation (--recording FILE) again and again, its answers compared in shape",
    _workload,
    _turn,
    needs="a recording",
    judge=_judge,
)
