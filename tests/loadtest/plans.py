"""A short plan of load, for tests that carry one out: a tool that repeats its text, called for as long as is said."""

from typing import Any

from loadtest.workload import LoadPlan, OpenModel, Operation, Target, Workload

__all__ = ["ECHO", "plan"]

ECHO = Operation(
    name="echo", method="tools/call", params={"name": "echo", "arguments": {"text": "hello {n}"}}, echoes=True
)


def plan(target: Target, **changes: Any) -> LoadPlan:
    """Return a plan without calibration of fifty calls in 0.2 s, but for what is changed of it."""
    facts: dict[str, Any] = {
        "target": target,
        "revision": "2026-07-28",
        "workload": Workload(name="echo", operations=(ECHO,)),
        "model": OpenModel(rate=250, users=4),
        "duration": 0.2,
        "timeout": 2.0,
        "calibration": 0.0,
    }
    return LoadPlan(**(facts | changes))
