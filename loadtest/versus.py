"""Two loads that take turns, A B B A, so that whatever else the machine does in the meantime befalls both alike.

The turns of a side add up to one measurement, as if they had followed one another without a break.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec

from loadtest.ending import for_a_thousand, limited
from loadtest.outcome import LoadOutcome, conclude
from loadtest.reporting import Measurement
from loadtest.resources import summarize
from loadtest.totals import OperationState, RecorderState, SecondState, merged
from loadtest.workload import LoadPlan
from reports.records import Load, LoadJudgement, LoadSecond, TargetCost

__all__ = ["LEAST_SECONDS", "Side", "interleave", "side_rows", "turns"]

Side = Literal["A", "B"]

LEAST_SECONDS = 4.0
"""A side that is measured for less has nothing to be compared."""
_LONGEST_TURN = 15.0


def turns(seconds: float) -> tuple[tuple[Side, ...], float]:
    """Return whose turn it is, one after the other, and how long each takes (whole seconds), for `seconds` a side."""
    pairs = max(1, math.ceil(seconds / (2 * _LONGEST_TURN)))
    order: tuple[Side, ...] = ("A", "B", "B", "A")
    return order * pairs, float(max(2, round(seconds / (2 * pairs))))


def interleave(
    plans: Mapping[Side, LoadPlan], run: Callable[[Side, LoadPlan], LoadOutcome]
) -> tuple[dict[Side, list[LoadOutcome]], bool]:
    """Carry out the turns of two plans, each for its duration in all; return their outcomes, and whether that was
    interrupted.

    Raises what `run` raises. The generator is calibrated in the first turn alone.
    """
    order, seconds = turns(plans["A"].duration)
    outcomes: dict[Side, list[LoadOutcome]] = {"A": [], "B": []}
    calibrated: float | None = None
    for number, side in enumerate(order):
        plan = msgspec.structs.replace(plans[side], duration=seconds, objectives=())
        if number:
            plan = msgspec.structs.replace(plan, calibration=0.0, calibrated=calibrated)
        outcome = run(side, plan)
        outcomes[side].append(outcome)
        health = outcome.overall.generator
        calibrated = calibrated or (health.calibration_rate if health else None)
        if outcome.interrupted:
            return outcomes, True
    return outcomes, False


def side_rows(side: Side, label: str, plan: LoadPlan, outcomes: Sequence[LoadOutcome]) -> tuple[Load, ...]:
    """Return the rows of one side, its turns added up; `label` says in the name of the scenario what it is."""
    bases = [outcome.basis for outcome in outcomes if outcome.basis is not None]
    measured = _joined([basis.measured for basis in bases])
    cost = _cost([(basis.cost, int(basis.measured.seconds)) for basis in bases])
    cpu = max(basis.cpu_percent for basis in bases)
    rows = list(conclude(plan, measured, cost, cpu).rows)
    reasons = dict.fromkeys(reason for outcome in outcomes for reason in _reasons(outcome.overall))
    new = tuple(reason for reason in reasons if reason not in _reasons(rows[0]))
    rows = [limited(row, new) for row in rows] if new else rows
    whole = rows[0]
    rows[0] = msgspec.structs.replace(
        whole,
        workers=outcomes[0].overall.workers,
        ended=next((outcome.overall.ended for outcome in outcomes if outcome.overall.ended), ""),
        unanswered=sum(outcome.overall.unanswered for outcome in outcomes),
        target=None if whole.target is None else for_a_thousand(whole.target, whole.counts.total),
        judgements=_judgements([whole, *(outcome.overall for outcome in outcomes)]),
    )
    every = sum(int(basis.measured.seconds) for basis in bases)
    return tuple(
        msgspec.structs.replace(
            row, side=side, scenario=f"{row.scenario} ({side}: {label})", series=_dense(row.series, every)
        )
        for row in rows
    )


def _reasons(row: Load) -> tuple[str, ...]:
    return row.generator.reasons if row.generator is not None and not row.valid else ()


def _judgements(rows: Sequence[Load]) -> tuple[LoadJudgement, ...]:
    """Return what was judged of the whole, and what was found wrong in a turn and not in that."""
    told = {each.name: each for each in rows[0].judgements}
    for each in (judged for row in rows[1:] for judged in row.judgements if judged.holds is False):
        if each.name not in told or told[each.name].holds is not False:
            told[each.name] = each
    return tuple(told.values())


def _dense(series: tuple[LoadSecond, ...], count: int) -> tuple[LoadSecond, ...]:
    """Return every second of a series, those in which nothing ended too; none of a row that has no series."""
    if not series:
        return ()
    known = {second.second: second for second in series}
    return tuple(known.get(index, LoadSecond(second=index, completed=0, failed=0)) for index in range(count))


def _joined(turns_taken: Sequence[Measurement]) -> Measurement:
    """Return measurements as one, each beginning where the whole seconds of those before it end."""
    states, offset = [], 0
    for each in turns_taken:
        whole = int(each.seconds)
        states.append(_moved(each.state, offset, whole))
        offset += whole
    rates = [each.calibration_rate for each in turns_taken if each.calibration_rate is not None]
    return Measurement(
        state=merged(states),
        seconds=sum(each.seconds for each in turns_taken),
        lag_p99=max(each.lag_p99 for each in turns_taken),
        lag_p99_9=max(each.lag_p99_9 for each in turns_taken),
        held_up=sum(each.held_up for each in turns_taken),
        busy_seconds=sum(each.busy_seconds for each in turns_taken),
        late=sum(each.late for each in turns_taken),
        given_up=sum(each.given_up for each in turns_taken),
        calibration_rate=rates[0] if rates else None,
        complete=all(each.complete for each in turns_taken),
    )


def _moved(state: RecorderState, offset: int, whole: int) -> RecorderState:
    """Return a state as it would be if it began `offset` seconds later, without the seconds that were broken off."""

    def moved(operation: OperationState) -> OperationState:
        seconds: dict[int, SecondState] = {
            index + offset: second for index, second in operation.seconds.items() if index < whole
        }
        return msgspec.structs.replace(operation, seconds=seconds)

    return RecorderState(
        operations={name: moved(operation) for name, operation in state.operations.items()},
        opening=None if state.opening is None else moved(state.opening),
        errors=state.errors,
        warm_up=state.warm_up,
        remarks=tuple(msgspec.structs.replace(remark, at=remark.at + offset) for remark in state.remarks),
    )


def _cost(turns_taken: Sequence[tuple[TargetCost | None, int]]) -> TargetCost | None:
    """Return what all turns cost, None where one of them does not tell."""
    costs = [cost for cost, _ in turns_taken if cost is not None]
    if len(costs) < len(turns_taken):
        return None
    series, offset = [], 0
    for cost, whole in ((cost, whole) for cost, whole in turns_taken if cost is not None):
        series += [
            msgspec.structs.replace(each, second=each.second + offset) for each in cost.series if each.second <= whole
        ]
        offset += whole
    summed = summarize(series)
    if summed is None:
        return None
    used = [cost.cpu_seconds for cost in costs if cost.cpu_seconds is not None]
    return msgspec.structs.replace(
        summed,
        cpu_seconds=sum(used) if len(used) == len(costs) else None,
        source=costs[0].source,
        gaps=costs[0].gaps,
    )
