"""A server that refuses `_meta` keys of nobody's is not accused of what such a key happened to carry."""

from __future__ import annotations

import anyio

from conformance.runner import Plan, run_checks
from reports.records import Verdict
from tests.conformance.scripted import BRISK, Message, Scripted, Wire


def _unicode(*, picky: bool) -> Verdict:
    async def ping(wire: Wire, message: Message) -> None:
        note = message.get("params", {}).get("_meta", {}).get("com.example/note")
        if note is not None and (picky or not note.isprintable()):
            await wire.refuse(message, -32602)
        else:
            await wire.reply(message, {})

    verdicts: list[Verdict] = []
    only = ("base.unicode",)
    anyio.run(run_checks, Plan(Scripted({"ping": ping}).target, verdicts.append, only=only, patience=BRISK))
    (verdict,) = verdicts
    return verdict


def test_who_refuses_any_note_is_not_accused_of_its_characters() -> None:
    verdict = _unicode(picky=True)
    assert verdict.outcome == "blocked"
    assert "_meta" in verdict.summary


def test_who_refuses_odd_characters_alone_is() -> None:
    assert _unicode(picky=False).outcome == "failed"
