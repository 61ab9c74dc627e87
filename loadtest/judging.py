"""The last word of a scenario: what was measured goes to its judge."""

from __future__ import annotations

import msgspec

from loadtest.found import Found
from loadtest.reporting import Measurement
from loadtest.scenarios import scenario_named
from loadtest.workload import ClosedModel, LoadPlan
from reports.records import Counts, LoadJudgement, TargetCost

__all__ = ["as_lived", "judged"]

_REST = 0.01


def as_lived(plan: LoadPlan) -> LoadPlan:
    """Return the plan as its users live it: where their turns rest, they are not always busy, as if they thought."""
    model = plan.model
    if not (scenario_named(plan.workload.scenario).rests and isinstance(model, ClosedModel)):
        return plan
    return msgspec.structs.replace(plan, model=msgspec.structs.replace(model, think=max(model.think, _REST)))


def judged(plan: LoadPlan, measured: Measurement, cost: TargetCost | None) -> tuple[LoadJudgement, ...]:
    """Return what the scenario of a plan judges of its measurement; `cost` is the target's."""
    state = measured.state
    found = Found(
        parameters=plan.workload.parameters,
        remarks=state.remarks,
        counts={
            name: Counts(total=each.total, ok=each.total - each.failed, failed=each.failed)
            for name, each in state.operations.items()
        },
        errors=state.errors,
        worked=state.seconds,
        seconds=measured.seconds,
        cost=cost,
        lag=measured.lag_p99,
    )
    return tuple(scenario_named(plan.workload.scenario).judge(found))
