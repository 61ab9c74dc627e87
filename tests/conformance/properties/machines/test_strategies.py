"""What only a sequence shows is found on servers that are wrong so, with no step too many; on the right one nothing."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from conformance.patience import Patience
from conformance.properties.findings import case_of
from conformance.properties.machines.strategies import PROPERTIES
from conformance.properties.runner import FuzzPlan, run_case, run_properties
from conformance.scout import scout
from conformance.surface import Permission
from fixtures.miniatures import Bend, Miniature
from fixtures.miniatures.serve import target_of
from reference_impl.protocol.revisions import revision_named
from reports.records import Finding

from .bent import STATEFUL

BRISK = Patience(start=10, answer=1, quiet=0.1, stop=1, check=20, run=60)
PATIENT = Patience(start=60, answer=60, quiet=0.1, stop=10, check=60, run=600)
"""Nothing of what is waited for is missing: however the machine stalls, nobody is taken for silent."""
SILENT = {"the answer after a cancellation is lost"}
"""What shows in an answer that does not come."""


async def _fuzz(
    bend: Bend, over: Any, revision: str, only: str = "*", patience: Patience = BRISK, **more: Any
) -> list[Finding]:
    findings: list[Finding] = []
    settings = {"examples": 60, "seed": 1} | more
    async with target_of(Miniature("fuzzed", "", "is bent", bend, over)) as target:
        scouted = await scout(target, patience, Permission(), (revision,))
        plan = FuzzPlan(
            target,
            findings.append,
            revisions=(revision,),
            only=(only,),
            patience=patience,
            properties=PROPERTIES,
            **settings,
        )
        await run_properties(plan, scouted)
        for finding in findings:
            if finding.outcome == "failed":
                again = await run_case(target, revision_named(revision), patience, case_of(finding))  # type: ignore[arg-type] # one that exists
                assert again.judged.outcome == "failed", "it fails again from what the record holds"
    return findings


@pytest.mark.parametrize("name", STATEFUL)
def test_what_is_wrong_over_several_steps_is_found_with_no_step_too_many(name: str) -> None:
    wrong = STATEFUL[name]
    patience = BRISK if name in SILENT else PATIENT
    (finding,) = anyio.run(_fuzz, wrong.bend, wrong.over, wrong.revision, wrong.found_by, patience)
    assert finding.outcome == "failed", finding.summary
    assert finding.confirmed == "confirmed"
    assert tuple(step.do.replace("once more", wrong.steps[-1]) for step in case_of(finding).steps) == wrong.steps
    assert len(finding.conversation) == len(wrong.steps)


@pytest.mark.parametrize("over", ["memory", "http"])
@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_nothing_is_found_on_a_server_that_is_right(over: str, revision: str) -> None:
    async def run() -> list[Finding]:
        return await _fuzz(Bend(), over, revision, patience=PATIENT, examples=12, seed=4)

    findings = anyio.run(run)
    outcomes = {finding.property: finding.outcome for finding in findings}
    # Nothing there says that it is idempotent; that one is shown on the seeded server.
    assert outcomes.pop("property.idempotent") == "blocked"
    assert outcomes == dict.fromkeys((item.id for item in PROPERTIES if item.id in outcomes), "passed")
    assert len(outcomes) == len(PROPERTIES) - 1
