"""Planners: who turns a request into plans, and what came of them into an answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from reference_impl.client.registry import ToolRegistry
from reference_impl.host.plan import Plan, Step
from reference_impl.host.running import Outcome

__all__ = ["Assignment", "FixedPlanner", "Planner", "summarised"]

_LONGEST = 20_000
"""Characters of one tool's answer in the answer to the request."""


@dataclass(slots=True)
class Assignment:
    """One request on its way: what was asked for, with which tools, and what became of the steps so far, in order.

    `memory` is the planner's own.
    """

    request: str
    tools: ToolRegistry
    outcomes: list[Outcome] = field(default_factory=list)
    memory: Any = None


class Planner(Protocol):
    """Plans in rounds: a plan, its outcomes, the next plan, until one has no steps."""

    @property
    def rounds(self) -> int:
        """How many plans one request may take."""
        ...

    async def plan(self, assignment: Assignment) -> Plan:
        """Return what is to be done next; no steps mean that enough is known. Raises `HostError`."""
        ...

    async def answer(self, assignment: Assignment) -> str:
        """Return the answer to the request. Raises `HostError`."""
        ...


@dataclass(frozen=True, slots=True)
class FixedPlanner:
    """Carries out the plan that it was given, whatever was asked for."""

    fixed: Plan
    rounds: int = 1

    async def plan(self, assignment: Assignment) -> Plan:
        """Return the plan, and nothing after it."""
        return Plan() if assignment.outcomes else self.fixed

    async def answer(self, assignment: Assignment) -> str:
        """Return what the tools said."""
        return summarised(assignment.outcomes)


def summarised(outcomes: Sequence[Outcome]) -> str:
    """Return an answer that needs no model: what each step said that no other step made use of, and what failed."""
    used = {needed for outcome in outcomes for needed in _referred(outcome.step)}
    told = [each for each in outcomes if each.status != "succeeded" or each.step.id not in used]
    if len(told) == 1 and told[0].status == "succeeded":
        return _said(told[0])
    return "\n\n".join(f"{each.step.id} ({each.step.server}/{each.step.tool}): {_said(each)}" for each in told)


def _referred(step: Step) -> frozenset[str]:
    return step.needs - set(step.after)


def _said(outcome: Outcome) -> str:
    if outcome.status != "succeeded":
        return f"{outcome.status}: {outcome.text}"
    text = outcome.text or _structured(outcome.result)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def _structured(result: Any) -> str:
    structured = (result or {}).get("structuredContent")
    return "done" if structured is None else json.dumps(structured, ensure_ascii=False)
