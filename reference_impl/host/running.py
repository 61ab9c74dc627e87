"""Carrying out a plan: steps that wait for nothing run side by side, and a failure stops only what depends on it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import anyio

from reference_impl.client import ClientError, PermissionDenied
from reference_impl.client.settings import JsonObject
from reference_impl.host.errors import HostError
from reference_impl.host.plan import Plan, Step
from reference_impl.host.references import resolved, text_of

__all__ = ["Call", "Outcome", "Status", "run_plan"]

_AT_ONCE = 8
"""Steps that run at the same time."""

Status = Literal["succeeded", "failed", "denied", "skipped"]
Call = Callable[[Step, JsonObject], Awaitable[JsonObject]]
"""Makes the call of a step, with its references resolved. Raises `ClientError`, `HostError`."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step: its `result`, or in words why there is none; `arguments` as they were sent.

    `began` counts seconds from the start of the plan, `seconds` how long the step took.
    """

    step: Step
    status: Status
    arguments: JsonObject = field(default_factory=dict)
    result: JsonObject | None = None
    error: str | None = None
    began: float = 0.0
    seconds: float = 0.0

    @property
    def text(self) -> str:
        """What the tool said, or why it said nothing."""
        return text_of(self.result) if self.error is None else self.error

    def summary(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            "id": self.step.id,
            "server": self.step.server,
            "tool": self.step.tool,
            "arguments": self.arguments,
            "status": self.status,
            "result": self.result,
            "error": self.error,
            "began": round(self.began, 4),
            "seconds": round(self.seconds, 4),
        }


async def run_plan(plan: Plan, call: Call, told: Callable[[Outcome], None] = lambda _: None) -> list[Outcome]:
    """Carry out a plan; return what became of each step, in the plan's order. `told` hears of each as it ends."""
    run = _Run(plan, call, told)
    async with anyio.create_task_group() as tasks:
        for step in plan.steps:
            tasks.start_soon(run.step, step)
    return [run.outcomes[step.id] for step in plan.steps]


class _Run:
    def __init__(self, plan: Plan, call: Call, told: Callable[[Outcome], None]) -> None:
        self._call, self._told = call, told
        self._over = {step.id: anyio.Event() for step in plan.steps}
        self._limit = anyio.Semaphore(_AT_ONCE)
        self._start = time.perf_counter()
        self.outcomes: dict[str, Outcome] = {}

    async def step(self, step: Step) -> None:
        """Wait for what the step needs, and carry it out."""
        for needed in sorted(step.needs):
            await self._over[needed].wait()
        lacking = sorted(needed for needed in step.needs if self.outcomes[needed].status != "succeeded")
        if lacking:
            why = f"{lacking[0]} {self.outcomes[lacking[0]].status}"
            outcome = Outcome(step, "skipped", error=f"not done, because {why}", began=self._now())
        else:
            async with self._limit:
                outcome = await self._done(step)
        self.outcomes[step.id] = outcome
        self._over[step.id].set()
        self._told(outcome)

    async def _done(self, step: Step) -> Outcome:
        began = self._now()
        arguments = step.arguments
        result: JsonObject | None = None
        status: Status = "failed"
        error: str | None = None
        try:
            arguments = resolved(step.arguments, self._results())
            result = await self._call(step, arguments)
        except PermissionDenied as refused:
            status, error = "denied", str(refused)
        except (ClientError, HostError) as failure:
            error = str(failure)
        else:
            failed = result.get("isError") is True
            status, error = ("failed", text_of(result) or "the tool failed") if failed else ("succeeded", None)
        return Outcome(step, status, arguments, result, error, began, self._now() - began)

    def _results(self) -> Mapping[str, Any]:
        return {name: outcome.result for name, outcome in self.outcomes.items()}

    def _now(self) -> float:
        return time.perf_counter() - self._start
