"""A move that takes a tool at its word that the same call again changes nothing more (`idempotentHint`).

What it changes is seen through tools that only read, in a closed world. Only what such a tool tells the same way twice
in a row counts, and only what keeps growing or shrinking with each further call: numbers are left out, since times
and counters of calls are no effect that anybody means.
"""

from __future__ import annotations

import re

from conformance.expect import Mismatch, brief
from conformance.links import Answer
from conformance.properties.machines.play import Play, shape_of
from conformance.properties.machines.seats import Seat
from conformance.properties.machines.steps import Step
from conformance.properties.relations import said

__all__ = ["again"]

_NUMBERS = re.compile(r"\d+")
_SHOWN = 200


async def again(play: Play, seat: Seat, step: Step) -> None:
    """Call a tool once, look, call it the same way again, and look: nothing has changed in between."""
    if seat.ended:
        return
    first = await play.ask(seat, step)
    before, same = await _looks(play, seat, step), await _looks(play, seat, step)
    if _failed(first) or _failed(await play.ask(seat, step)):
        return
    after = await _looks(play, seat, step)
    if after == before or before != same:
        return
    await play.ask(seat, step)
    later = await _looks(play, seat, step)
    for look, *told in zip(step.beside, before, after, later, strict=True):
        if len(set(told)) == len(told):
            wanted = f"{look.describe()} to tell the same behind a second call: {brief(told[0], _SHOWN)}"
            mismatch = Mismatch(wanted, brief(told[1], _SHOWN), [first.entry.index])
            mismatch.breaks = "property.idempotent"
            raise mismatch


async def _looks(play: Play, seat: Seat, step: Step) -> list[str]:
    return [_NUMBERS.sub("#", said(await play.ask(seat, look))) for look in step.beside]


def _failed(answer: Answer) -> bool:
    return shape_of(answer) in ("a JSON-RPC error", "a result with isError")
