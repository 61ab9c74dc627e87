"""Service level objectives: `p99<100ms`, `errors<0.1%`, `rate>200/s`. Text to value, value to judgement."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

__all__ = ["SYNTAX", "Measured", "Objective", "Verdict", "evaluate", "parse_objective"]

SYNTAX = (
    "write an objective as p99<100ms, max<=1s, mean<20ms, errors<0.1% or rate>200/s, "
    "and one for an operation as search: p99<100ms"
)

Comparison = Literal["<", "<=", ">", ">="]
Quantity = Literal["latency", "errors", "rate"]

_FORM = re.compile(
    r"(?P<metric>p\d+(?:\.\d+)?|[a-z]+)\s*(?P<sign><=|>=|<|>)\s*(?P<limit>\d+(?:\.\d+)?)\s*(?P<unit>\S*)"
)
_ALL = 100.0
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0}
_UNITS: dict[Quantity, dict[str, float]] = {"latency": _SECONDS, "errors": {"%": 0.01}, "rate": {"/s": 1.0}}
_HOLDS: dict[Comparison, Callable[[float, float], bool]] = {
    "<": lambda measured, limit: measured < limit,
    "<=": lambda measured, limit: measured <= limit,
    ">": lambda measured, limit: measured > limit,
    ">=": lambda measured, limit: measured >= limit,
}


class Objective(Struct, frozen=True, kw_only=True):
    """One condition on a run.

    `metric` is `mean`, `max`, `errors`, `rate` or a percentile such as `p99.9`. `limit` is in base units: seconds, a
    share of all operations, or successful operations a second; `unit` is how the user wrote it, `scale` what one of
    that unit is in base units. `operation` is a tool or the name of an operation, empty for all together.
    """

    text: str
    quantity: Quantity
    metric: str
    comparison: Comparison
    limit: float
    unit: str
    scale: float
    operation: str = ""

    @property
    def percentile(self) -> float | None:
        """Which percentile `metric` is, or None if it is none."""
        return float(self.metric[1:]) if self.quantity == "latency" and self.metric[1:2].isdigit() else None


class Measured(Struct, frozen=True, kw_only=True):
    """What a run offers to its objectives; latencies (seconds) and shares are None where nothing came to its end."""

    percentile: Callable[[float], float | None]
    mean: float | None
    maximum: float | None
    error_share: float | None
    rate: float


class Verdict(Struct, frozen=True, kw_only=True):
    """`measured` is in base units; `margin` is what is left of the limit as a share of it, negative when missed."""

    objective: Objective
    met: bool
    measured: float | None
    margin: float | None


def parse_objective(text: str) -> Objective:
    """Read an objective. Raises ValueError with one line that teaches the syntax."""
    operation, colon, condition = text.strip().rpartition(":")
    operation = operation.strip()
    if colon and not operation:
        raise _refusal(text, "no operation stands before the colon")
    match = _FORM.fullmatch(condition.strip())
    if match is None:
        raise _refusal(text)
    metric, comparison, unit = match["metric"], match["sign"], match["unit"]
    quantity = _quantity(metric, text)
    wanted = ">" if quantity == "rate" else "<"
    if not comparison.startswith(wanted):
        raise _refusal(text, f"{metric} is bounded with {wanted}")
    # Zero is zero in every unit.
    units = _UNITS[quantity] | ({"": 1.0} if float(match["limit"]) == 0 else {})
    if unit not in units:
        raise _refusal(text, f"{metric} is given in {' or '.join(name for name in units if name)}")
    if metric == "errors" and float(match["limit"]) > _ALL:
        raise _refusal(text, "errors are a share of all requests, 100 % at most")
    return Objective(
        text=text.strip(),
        quantity=quantity,
        metric=metric,
        comparison=comparison,  # type: ignore[arg-type] # the form admits just these four
        limit=float(match["limit"]) * units[unit],
        unit=unit,
        scale=units[unit],
        operation=operation,
    )


def _quantity(metric: str, text: str) -> Quantity:
    if metric in {"errors", "rate"}:
        return metric  # type: ignore[return-value] # narrowed by the line above
    if metric in {"mean", "max"}:
        return "latency"
    if not metric[1:2].isdigit():
        raise _refusal(text, f"there is no metric {metric!r}")
    if not 0 < float(metric[1:]) <= 100:
        raise _refusal(text, "a percentile lies above 0 and up to 100")
    return "latency"


def _refusal(text: str, reason: str = "") -> ValueError:
    return ValueError(f"objective {text!r} cannot be read: {reason + '; ' if reason else ''}{SYNTAX}")


def evaluate(objective: Objective, run: Measured) -> Verdict:
    """Judge a run by an objective. What was not measured (nothing was answered) is not met."""
    measured = _measured(objective, run)
    if measured is None:
        return Verdict(objective=objective, met=False, measured=None, margin=None)
    met = _HOLDS[objective.comparison](measured, objective.limit)
    return Verdict(objective=objective, met=met, measured=measured, margin=_margin(objective, measured))


def _measured(objective: Objective, run: Measured) -> float | None:
    match objective.metric:
        case "errors":
            return run.error_share
        case "rate":
            return run.rate
        case "mean":
            return run.mean
        case "max":
            return run.maximum
    percentile = objective.percentile
    return None if percentile is None else run.percentile(percentile)


def _margin(objective: Objective, measured: float) -> float | None:
    if objective.limit == 0:
        return None
    left = 1 - measured / objective.limit
    return left if objective.comparison.startswith("<") else -left
