"""Every property is shown to fail, on a server that is wrong in one way; on the reference server none does."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from conformance.patience import Patience
from conformance.properties.case import Case
from conformance.properties.findings import case_of
from conformance.properties.runner import FuzzPlan, run_properties
from conformance.properties.stateless import PROPERTIES
from conformance.scout import scout
from conformance.surface import Permission
from fixtures.miniatures import DROP, Bend, Miniature
from fixtures.miniatures.serve import target_of
from reports.records import Finding

BRISK = Patience(start=10, answer=1, quiet=0.1, stop=1, check=20, run=90)
PATIENT = Patience(start=60, answer=60, quiet=0.1, stop=10, check=60, run=600)
"""Nothing of what is waited for is missing: however the machine stalls, nobody is taken for silent."""
ANSWERED = {"property.near-valid", "property.arguments.valid"}
"""Those whose servers are wrong in what they answer, and never silent."""
Message = dict[str, Any]


async def _fuzz(
    bend: Bend, revision: str, only: str = "*", examples: int = 60, patience: Patience = BRISK
) -> list[Finding]:
    findings: list[Finding] = []
    async with target_of(Miniature("fuzzed", "", "is bent", bend)) as target:
        scouted = await scout(target, patience, Permission(), (revision,))
        plan = FuzzPlan(
            target,
            findings.append,
            revisions=(revision,),
            only=(only,),
            patience=patience,
            examples=examples,
            seed=1,
            properties=PROPERTIES,
        )
        await run_properties(plan, scouted)
    return findings


def _big_ids_are_lost(request: Message, reply: Message) -> Any:
    identifier = request["id"]
    return DROP if isinstance(identifier, int) and identifier >= 2**31 else reply


def _results_for_anything(request: Message, reply: Message) -> Any:
    return {"jsonrpc": "2.0", "id": request["id"], "result": {}} if "error" in reply else reply


def _empty_text_breaks(request: Message, reply: Message) -> Any:
    arguments = (request.get("params") or {}).get("arguments")
    empty = isinstance(arguments, dict) and "" in arguments.values()
    return {**reply, "result": {"content": "none"}} if empty else reply


def _wrong_arguments_are_unanswered(request: Message, reply: Message) -> Any:
    result = reply.get("result")
    refused = "error" in reply or (isinstance(result, dict) and result.get("isError"))
    return DROP if request["method"] == "tools/call" and refused else reply


def _non_ascii_kills(data: bytes) -> Any:
    return DROP if "\u2028".encode() in data or "\u2029".encode() in data else data


def _prompts_lose_newlines(request: Message, reply: Message) -> Any:
    lost = request["method"] == "prompts/get" and "\n" in "".join(request["params"].get("arguments", {}).values())
    return DROP if lost else reply


def _broken_handshakes_are_unanswered(request: Message, reply: Message) -> Any:
    return DROP if request["method"] == "initialize" and "error" in reply else reply


SEEDED = {"property.again", "property.after", "property.beside", "property.cut"}
"""Those that are shown to fail on seeded bugs, in `tests/fixtures/seeded`."""
ELSEWHERE = {"property.headers"}
"""Those that take another transport, in tests of their own."""
NOTHING = {"2025-11-25": ELSEWHERE, "2026-07-28": ELSEWHERE | {"property.handshake"}}
"""Those that a stream in memory has nothing for."""

WRONG: dict[str, Bend] = {
    "property.texts": Bend(reply=_prompts_lose_newlines),
    "property.requests": Bend(reply=_big_ids_are_lost),
    "property.near-valid": Bend(reply=_results_for_anything),
    "property.arguments.valid": Bend(reply=_empty_text_breaks),
    "property.arguments.invalid": Bend(reply=_wrong_arguments_are_unanswered),
    "property.framing": Bend(arriving=_non_ascii_kills),
    "property.handshake": Bend(reply=_broken_handshakes_are_unanswered),
}


def test_every_property_has_a_server_that_it_fails_on() -> None:
    assert set(WRONG) | SEEDED | ELSEWHERE == {item.id for item in PROPERTIES}


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_property_fails_on_the_server_that_breaks_it_and_keeps_a_minimal_case(name: str) -> None:
    patience = PATIENT if name in ANSWERED else BRISK
    (finding,) = anyio.run(_fuzz, WRONG[name], "2025-11-25", name, 60, patience)
    assert finding.outcome == "failed", finding.summary
    assert finding.confirmed == "confirmed"
    assert finding.expected
    assert finding.evidence
    assert Case.from_json(case_of(finding).to_json()) == case_of(finding)
    assert finding.conversation


def test_shrinking_ends_at_the_smallest_id_that_is_lost() -> None:
    (finding,) = anyio.run(_fuzz, WRONG["property.requests"], "2025-11-25", "property.requests")
    case = case_of(finding)
    assert case.message["id"] == 2**31
    assert case.message["method"] == "ping"


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_nothing_is_found_on_the_reference_server(revision: str) -> None:
    findings = anyio.run(_fuzz, Bend(), revision, "*", 15, PATIENT)
    without = {finding.property for finding in findings if finding.outcome == "inapplicable"}
    assert without == NOTHING[revision]
    assert [each.summary for each in findings if each.outcome not in ("passed", "inapplicable")] == []
    assert len(findings) == len(PROPERTIES)
