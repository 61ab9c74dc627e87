"""What the rows of a run amount to: severity, exit code, footer. Computed when asked for, stored nowhere else."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from reports.baseline import Baseline, Known
from reports.rows import Finding, Footer, Judgement, Level, Load, LoadJudgement, Outcome
from reports.store import FailOn, Run

Severity = Literal["violation", "warning", "note", "fault", "known", "open", "ok", "n/a"]

# From what a reader must act on to what needs no reading.
SEVERITIES: tuple[Severity, ...] = ("violation", "warning", "note", "fault", "known", "open", "ok", "n/a")

_OF_LEVEL: dict[Level, Severity] = {
    "MUST": "violation",
    "MUST NOT": "violation",
    "SHOULD": "warning",
    "SHOULD NOT": "warning",
    "MAY": "note",
    "advice": "note",
}
_OF_OUTCOME: dict[Outcome, Severity] = {"passed": "ok", "inapplicable": "n/a", "blocked": "open", "broken": "fault"}
_FAILING: dict[FailOn, frozenset[Severity]] = {
    "must": frozenset({"violation"}),
    "should": frozenset({"violation", "warning"}),
    "advice": frozenset({"violation", "warning", "note"}),
    "never": frozenset(),
}


def severity(judgement: Judgement, baseline: Baseline | None = None) -> Severity:
    """Return how bad it is: outcome times level, less what `baseline` excuses. A finding that did not happen again is a
    warning at most."""
    if judgement.outcome != "failed":
        return _OF_OUTCOME[judgement.outcome]
    if baseline is not None and baseline.excused(judgement):
        return "known"
    worst = _OF_LEVEL[judgement.level]
    if worst == "violation" and isinstance(judgement, Finding) and judgement.confirmed == "flaky":
        return "warning"
    return worst


def fails(judgement: Judgement, fail_on: FailOn = "must", baseline: Baseline | None = None) -> bool:
    """Return whether this one alone makes a gate red: by its severity, or since its entry in the baseline expired."""
    lapsed = baseline is not None and fail_on != "never" and baseline.lapsed(judgement)
    return lapsed or severity(judgement, baseline) in _FAILING[fail_on]


def stale(run: Run) -> tuple[Known, ...]:
    """Return the entries of the run's baseline that hold no more; only a run that came to its end can tell."""
    return run.baseline.stale(run.judgements) if run.baseline is not None and run.complete else ()


def missed(load: Load) -> bool:
    """Return whether an objective was missed, in a measurement that says something about the target."""
    return load.valid and any(not objective.met for objective in load.objectives)


def broken_under_load(run: Run) -> tuple[LoadJudgement, ...]:
    """Return what scenarios found wrong with the target. It stands, however slow the generator was."""
    return tuple(judged for load in run.loads for judged in load.judgements if judged.holds is False)


def exit_code(run: Run, fail_on: FailOn = "must") -> int:
    """Return 1 for what is wrong, 5 for a fault of Touchstone, 3 for nothing conclusive, else 0.

    Wrong are violations, missed objectives, and what a scenario found under load.
    With a baseline, 4 takes the place of 1 for what it does not excuse, and stands for entries of it that are stale.
    A failure with its evidence stands whatever else went wrong, so it comes first. Inconclusive is a run in which
    nothing was judged or measured, one that was cut short, one whose objectives the generator was too slow to
    measure, and one in which a scenario could judge nothing that it is for.
    """
    if any(fails(judgement, fail_on, run.baseline) for judgement in run.judgements):
        return 1 if run.baseline is None else 4
    if fail_on != "never" and stale(run):
        return 4
    if fail_on != "never" and (broken_under_load(run) or any(missed(load) for load in run.loads)):
        return 1
    if any(judgement.outcome == "broken" for judgement in run.judgements):
        return 5
    return 0 if _conclusive(run) else 3


def _conclusive(run: Run) -> bool:
    cut_short = run.footer is not None and not run.footer.complete
    unmeasured = any(load.objectives and not load.valid for load in run.loads)
    unmeasured = unmeasured or any(map(_unjudged, run.loads))
    judged = any(judgement.outcome in {"passed", "failed"} for judgement in run.judgements)
    judged = judged or any(each.holds is not None for load in run.loads for each in load.judgements)
    measured = any(load.valid and load.counts.total for load in run.loads)
    return not cut_short and not unmeasured and (judged or measured)


def _unjudged(load: Load) -> bool:
    return bool(load.judgements) and all(judged.holds is None for judged in load.judgements)


def count_severities(judgements: Iterable[Judgement], baseline: Baseline | None = None) -> dict[Severity, int]:
    """Return how many there are of each severity, the worst first, without those of which there is none."""
    counts = Counter(severity(judgement, baseline) for judgement in judgements)
    return {name: counts[name] for name in SEVERITIES if counts[name]}


def conclude(run: Run, *, seconds: float, fail_on: FailOn = "must", interrupted: bool = False) -> Footer:
    """Return the footer of a run that ended just now, after `seconds`."""
    footer = Footer(
        complete=not interrupted,
        counts=dict(Counter(judgement.outcome for judgement in run.judgements)),
        severities={str(name): count for name, count in count_severities(run.judgements).items()},
        exit=0,
        seconds=seconds,
        interrupted=interrupted,
    )
    code = exit_code(replace(run, footer=footer), fail_on)
    return Footer(
        complete=footer.complete,
        counts=footer.counts,
        severities=footer.severities,
        exit=code,
        seconds=seconds,
        interrupted=interrupted,
    )
