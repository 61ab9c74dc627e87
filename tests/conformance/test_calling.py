"""Calls of a stranger's tools: one that kills or hangs the target is one failure, of the check whose matter that is."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest

from conformance.catalogue import load
from conformance.check import all_checks
from conformance.patience import Patience
from conformance.runner import Plan, run_checks
from conformance.suite import Suite
from reports.records import Verdict

from .scripted import HASTY, Handler, Message, Scripted, Wire

_TOOLS = [
    {"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}} for name in ("good", "bad")
]
_CALLING = ("tools.call.answered", "tools.call.error-in-result", "tools.output.conforms")


def _verdicts(bad: Handler, patience: Patience = HASTY, names: Sequence[str] = _CALLING) -> dict[str, Verdict]:
    async def listed(wire: Wire, message: Message) -> None:
        await wire.reply(message, {"tools": [{**tool, "outputSchema": {"type": "object"}} for tool in _TOOLS]})

    async def called(wire: Wire, message: Message) -> None:
        if message["params"]["name"] == "bad":
            await bad(wire, message)
        else:
            await wire.reply(message, {"content": [], "structuredContent": {}})

    server = Scripted({"tools/list": listed, "tools/call": called}, {"tools": {}})
    found: list[Verdict] = []
    checks = tuple(check for check in all_checks() if check.id in names)
    anyio.run(run_checks, Plan(server.target, found.append, patience=patience, suite=Suite(checks, (), load())))
    return {verdict.check: verdict for verdict in found}


def _rules(verdict: Verdict) -> list[str]:
    return [row.id for row in verdict.requirements]


async def _dies(wire: Wire, message: Message) -> None:
    await wire.leave()


async def _says_nothing(wire: Wire, message: Message) -> None:
    return


async def _hangs(wire: Wire, message: Message) -> None:
    await anyio.sleep(60)


def test_a_tool_that_ends_the_target_breaks_one_duty_and_blocks_who_wanted_its_result() -> None:
    found = _verdicts(_dies)
    assert {name: verdict.outcome for name, verdict in found.items()} == {
        "tools.call.answered": "failed",
        "tools.call.error-in-result": "blocked",
        "tools.output.conforms": "blocked",
    }
    assert (found["tools.call.answered"].level, _rules(found["tools.call.answered"])) == (
        "MUST",
        ["base.response.every-request"],
    )
    assert "bad" in found["tools.call.answered"].expected
    assert found["tools.output.conforms"].summary.startswith("a call of bad ends the conversation")


@pytest.mark.parametrize(
    ("bad", "level", "rule", "words"),
    [
        (_says_nothing, "advice", "tools.call.answered", "silence (bad)"),
        (_hangs, "MUST", "base.response.every-request", "silence to both (bad)"),
    ],
)
def test_a_silent_tool_is_advice_and_one_that_hangs_the_target_is_no_mere_advice(
    bad: Handler, level: str, rule: str, words: str
) -> None:
    verdict = _verdicts(bad, names=["tools.call.answered"])["tools.call.answered"]
    assert (verdict.outcome, verdict.level, _rules(verdict), verdict.actual) == ("failed", level, [rule], words)
