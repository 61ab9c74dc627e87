"""What is to be said of how a run ended: who was lost, what it stopped for, what a thousand calls cost."""

from __future__ import annotations

import msgspec

from loadtest.crew import Crew
from loadtest.outcome import LoadOutcome
from loadtest.reporting import Measurement
from reports.records import GeneratorHealth, Load, LoadJudgement, TargetCost

__all__ = ["told"]

_ANSWERS = "the target goes on answering"
_HELD_BACK_SHARE = 0.01
"""A few that came at once are no sign of a cap that was reached."""


def told(outcome: LoadOutcome, crew: Crew, measured: Measurement, fault: str = "") -> LoadOutcome:
    """Return the outcome with what the records are to say beside the figures.

    `fault` is what became of the generator where it ended without a word. Where the load was not what was asked for,
    the run is no result; where it was the target that ended it, that is a failure of the target.
    """
    reasons = list(crew.losses(interrupted=outcome.interrupted))
    if measured.held_back > _HELD_BACK_SHARE * outcome.overall.counts.total:
        reasons.append(f"{measured.held_back:,} requests were held back by the rate cap")
    if fault:
        reasons.append(fault)
    rows = [_limited(row, tuple(reasons)) for row in outcome.rows] if reasons else list(outcome.rows)
    whole = rows[0]
    rows[0] = msgspec.structs.replace(
        whole,
        workers=crew.health(),
        ended=measured.ended or ("interrupted" if outcome.interrupted else fault),
        unanswered=measured.in_flight,
        target=None if whole.target is None else _for_a_thousand(whole.target, whole.counts.total),
        judgements=whole.judgements + ((_silent(measured),) if measured.ended and not fault else ()),
    )
    return msgspec.structs.replace(outcome, rows=tuple(rows))


def _limited(row: Load, reasons: tuple[str, ...]) -> Load:
    health = row.generator or GeneratorHealth(lag_p99_ms=0.0, cpu_percent=0.0)
    health = msgspec.structs.replace(health, limited=True, reasons=health.reasons + reasons)
    return msgspec.structs.replace(row, generator=health, valid=False)


def _for_a_thousand(cost: TargetCost, requests: int) -> TargetCost:
    if cost.cpu_seconds is None or not requests:
        return cost
    return msgspec.structs.replace(cost, cpu_seconds_per_thousand=round(1000 * cost.cpu_seconds / requests, 6))


def _silent(measured: Measurement) -> LoadJudgement:
    return LoadJudgement(
        name=_ANSWERS,
        holds=False,
        explanation=f"{measured.ended}; the run ended after {measured.seconds:.1f} s",
    )
