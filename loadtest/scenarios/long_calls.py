"""Calls that take their time and report progress; every third is taken back half-way, and the server has to serve on.

After a cancellation comes the cheapest request, on the same conversation: once that is answered, what still arrives of
the cancelled call is counted as an error `after-cancellation`, beside the operations. It is no failure of a call: a
server may finish what it cannot stop (`basic/utilities/cancellation#behavior-requirements`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from loadtest.incoming import Notice, progress_of
from loadtest.sample import Failure
from loadtest.scenario import Offer, Scenario, Unavailable, Wishes, with_argument
from loadtest.workload import NUMBER_MARKER, Operation, Workload
from reference_impl.metrics import ErrorClass

if TYPE_CHECKING:
    from loadtest.sample import Sample
    from loadtest.visitor import Visitor

__all__ = ["LONG_CALLS"]

_SECONDS = 0.5
_EVERY = 3
"""Of so many calls of a user one is cancelled."""
_AFTERWARDS = "after a cancellation"
_LATE = Failure(
    ErrorClass.JSON_RPC, "after-cancellation", "progress of a cancelled call, behind the answer to a later request"
)


def _workload(offer: Offer, wishes: Wishes) -> Workload:
    calls = _calls(offer, wishes)
    afterwards = msgspec.structs.replace(offer.cheap, name=f"{offer.cheap.name} {_AFTERWARDS}")
    return Workload(
        name="long calls",
        operations=tuple(_reporting(each) for each in calls),
        parameters={"after": _SECONDS / 2, "every": _EVERY, "cheap": msgspec.to_builtins(afterwards)},
    )


def _calls(offer: Offer, wishes: Wishes) -> tuple[Operation, ...]:
    """Return the calls of the tools that the user named; else one that reports progress, or one that is slow."""
    if wishes.tools:
        return tuple(msgspec.structs.replace(offer.call(tool), weight=weight) for tool, weight in wishes.tools)
    if offer.slow:
        return (with_argument(offer.slow[0], _fitting(offer)),)
    if offer.progress:
        return offer.progress[:1]
    raise Unavailable(
        "no tool that may be called is known to be slow or to report progress (a name such as slow or progress, an "
        "argument seconds); --tool NAME names one, --allow NAME lets it be called"
    )


def _fitting(offer: Offer) -> float | int:
    """Return how long the slow tool is to take: half a second, a whole one where it takes only whole ones."""
    schema = offer.slow[0].operation.schema or {}
    member = schema.get("properties", {}).get(offer.slow[0].argument, {})
    return 1 if member.get("type") == "integer" else _SECONDS


def _reporting(operation: Operation) -> Operation:
    meta: dict[str, Any] = {**operation.params.get("_meta", {}), "progressToken": NUMBER_MARKER}
    return msgspec.structs.replace(operation, params={**operation.params, "_meta": meta})


def _turn(visitor: Visitor) -> Sample:
    turns = visitor.memory["turns"] = visitor.memory.get("turns", visitor.number) + 1
    if turns % visitor.parameters["every"]:
        return visitor.ask()
    return _cancelled(visitor)


def _cancelled(visitor: Visitor) -> Sample:
    due, template, marker = visitor.due(), visitor.traffic.next_template(), visitor.marker()
    _listen(visitor)
    exchange = visitor.take_back(template, marker, visitor.parameters["after"])
    sample = visitor.record(f"{template.name}, cancelled", exchange, due)
    cheap = visitor.prepared("cheap")
    visitor.record(cheap.name, visitor.call(cheap))
    visitor.memory["settled"].add(str(marker))
    return sample


def _listen(visitor: Visitor) -> None:
    settled: set[str] = visitor.memory.setdefault("settled", set())

    def hear(notice: Notice) -> None:
        if settled and progress_of(notice) in settled:
            visitor.traffic.recorder.record_stray(visitor.traffic.templates[0].name, _LATE)

    visitor.conversation.on_notice = hear


LONG_CALLS = Scenario(
    "long-calls",
    "slow calls with progress, every third one cancelled: time to the first progress, and whether it serves on",
    _workload,
    _turn,
    needs="a tool that is slow or reports progress",
)
