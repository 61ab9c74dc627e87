"""What is to be said of how a run ended: who was lost, what it stopped for, what a thousand calls cost."""

from __future__ import annotations

import msgspec

from loadtest.crew import Crew
from loadtest.outcome import LoadOutcome
from loadtest.reporting import Measurement
from loadtest.totals import ErrorRow
from reference_impl.metrics import ErrorClass
from reports.records import GeneratorHealth, Load, LoadJudgement, TargetCost

__all__ = ["for_a_thousand", "limited", "told"]

_ANSWERS = "the target goes on answering"
_UNREADABLE = frozenset({"answered-twice", "foreign-answer", "malformed", "no-answer", "wrong-id"})
"""Codes of answers that are none."""
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
    rows = [limited(row, tuple(reasons)) for row in outcome.rows] if reasons else list(outcome.rows)
    whole = rows[0]
    rows[0] = msgspec.structs.replace(
        whole,
        workers=crew.health(),
        ended=measured.ended or ("interrupted" if outcome.interrupted else fault),
        unanswered=measured.in_flight,
        target=None if whole.target is None else for_a_thousand(whole.target, whole.counts.total),
        judgements=whole.judgements + (() if fault else _answering(whole, outcome, measured)),
    )
    return msgspec.structs.replace(outcome, rows=tuple(rows))


def limited(row: Load, reasons: tuple[str, ...]) -> Load:
    """Return a row as no result, for these reasons."""
    health = row.generator or GeneratorHealth(lag_p99_ms=0.0, cpu_percent=0.0)
    health = msgspec.structs.replace(health, limited=True, reasons=health.reasons + reasons)
    return msgspec.structs.replace(row, generator=health, valid=False)


def for_a_thousand(cost: TargetCost, requests: int) -> TargetCost:
    """Return the cost with what a thousand requests took, of so many."""
    if cost.cpu_seconds is None or not requests:
        return cost
    return msgspec.structs.replace(cost, cpu_seconds_per_thousand=round(1000 * cost.cpu_seconds / requests, 6))


def _answering(whole: Load, outcome: LoadOutcome, measured: Measurement) -> tuple[LoadJudgement, ...]:
    """Return the judgement on a target that stopped answering, or never began to; nothing on any other.

    What was refused was answered, and it may be our requests that are wrong: where all were, nothing can be judged.
    """
    counts = whole.counts
    if measured.ended:
        return (_judged(f"{measured.ended}; the run ended after {measured.seconds:.1f} s"),)
    if outcome.interrupted or not counts.total or (counts.ok and not measured.silence):
        return ()
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in whole.errors.items())
    if counts.ok:
        return (_judged(f"it answered nothing for the last {measured.silence:.1f} s: {kinds}"),)
    if all(map(_unanswered, outcome.errors)):
        return (_judged(f"of {counts.total:,} requests none was answered well: {kinds}"),)
    return (_judged(f"every request was refused: {kinds}; --tool and [tools.samples] choose others", holds=None),)


def _judged(said: str, *, holds: bool | None = False) -> LoadJudgement:
    return LoadJudgement(name=_ANSWERS, holds=holds, explanation=said)


def _unanswered(row: ErrorRow) -> bool:
    """Tell a request that got no answer, or none that anybody could read, from one that was refused."""
    match row.error_class:
        case ErrorClass.HTTP_STATUS:
            return row.code.startswith("5")
        case ErrorClass.JSON_RPC:
            return row.code in _UNREADABLE
        case error_class:
            return error_class in (ErrorClass.TRANSPORT, ErrorClass.TIMEOUT)
