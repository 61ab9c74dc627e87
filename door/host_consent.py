"""Consent to a plan: asked once for all of its steps, where several of them need it.

A yes covers the steps as they were shown. One that may change something and takes its arguments from an earlier step is
asked for by itself, when they are known; so is one that the question had no room for.
"""

from __future__ import annotations

import json

import anyio

from reference_impl.host.plan import Plan, Step
from reference_impl.host.references import references
from reference_impl.security.consent import Ask, Consent, Inquiry, Scope, ask_callback

__all__ = ["PlanConsent"]

_CALL = "tools/call"
_MOST_SHOWN = 10
"""Steps that fit into one question."""


class PlanConsent:
    """Asks `inner`, for the plan that was begun last."""

    def __init__(self, inner: Ask) -> None:
        self._inner = inner
        self._lock = anyio.Lock()
        self._steps: tuple[Step, ...] = ()
        self._answer: Consent | None = None
        self._asked = False

    def begin(self, plan: Plan) -> None:
        """Let what is asked from now on be about this plan."""
        self._steps, self._answer, self._asked = plan.steps, None, False

    async def __call__(self, inquiry: Inquiry) -> Consent | None:
        """Answer for the whole plan, or ask."""
        if inquiry.operation != _CALL or len(self._steps) < 2:
            return await ask_callback(self._inner, inquiry)
        async with self._lock:
            if not self._asked:
                self._answer, self._asked = await ask_callback(self._inner, self._whole()), True
        if self._answer is None:
            return None
        granted = self._answer.granted
        if granted and inquiry.sensitive and not self._was_shown(inquiry):
            return await ask_callback(self._inner, inquiry)
        return Consent(granted, why=self._answer.why or "asked, and answered for the whole plan")

    def _whole(self) -> Inquiry:
        told = {
            step.id: f"{step.server}/{step.tool} {json.dumps(step.arguments, ensure_ascii=False)}"
            for step in self._steps
        }
        return Inquiry("running this plan", f"{len(self._steps)} steps", context=told, most=Scope.ONCE)

    def _was_shown(self, inquiry: Inquiry) -> bool:
        arguments = inquiry.context.get("arguments")
        same = [step for step in self._steps[:_MOST_SHOWN] if f"{step.server}/{step.tool}" == inquiry.resource]
        return any(step.arguments == arguments and not any(references(step.arguments)) for step in same)
