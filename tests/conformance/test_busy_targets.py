"""Checks on targets that answer late, or out of turn, as they do on a busy machine: the verdict is the same."""

from __future__ import annotations

import anyio

from conformance.check import Sharing
from conformance.checks.server.base import null_id
from conformance.checks.server.stdio import slow_reader
from conformance.patience import Patience

from .scripted import Message, Scripted, Wire, judged, make_check

_LONG = {"name": "long", "description": "x" * 20_000, "inputSchema": {"type": "object"}}
_PATIENCE = Patience(start=20, answer=4, quiet=0.05, stop=1, check=20, run=60)
_LATE = 0.3
"""Seconds by which the first answer is late: were all as late, they would take longer than a check may."""


def test_an_answer_to_a_null_id_is_found_behind_one_that_overtook_it() -> None:
    held: list[Message] = []

    async def ping(wire: Wire, message: Message) -> None:
        if message["id"] is None:
            held.append(message)
            return
        await wire.reply(message, {})
        if held:
            await wire.reply(held.pop(), {})  # behind the answer to what was asked after it

    check = make_check(null_id, sharing=Sharing.FRESH)
    assert judged(Scripted({"ping": ping}), [check])["it"].outcome == "failed"


def test_one_late_answer_does_not_keep_the_slow_reader_from_being_tried() -> None:
    asked: set[int] = set()

    async def tools(wire: Wire, message: Message) -> None:
        if wire.number not in asked:
            asked.add(wire.number)
            await anyio.sleep(_LATE)
        await wire.reply(message, {"tools": [_LONG]})

    check = make_check(slow_reader, sharing=Sharing.ALONE)
    verdict = judged(Scripted({"tools/list": tools}, {"tools": {}}), [check], _PATIENCE)["it"]
    assert (verdict.outcome, verdict.summary) == ("passed", "")
