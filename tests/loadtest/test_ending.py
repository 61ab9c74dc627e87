"""What is said of how a run ended."""

from typing import Any

import pytest

from loadtest.crew import Crew
from loadtest.ending import told
from loadtest.outcome import conclude
from loadtest.recorder import Recorder
from loadtest.reporting import Measurement
from loadtest.sample import Failure, Sample
from loadtest.workload import ClosedModel, HttpTarget, LoadPlan, Operation, Workload
from reference_impl.metrics import ErrorClass
from reports.records import LoadJudgement

HUNG = Failure(ErrorClass.TIMEOUT, "receive", "no answer")
DOWN = Failure(ErrorClass.HTTP_STATUS, "503", "busy")
STRANGER = Failure(ErrorClass.HTTP_STATUS, "401", "who are you?")
NONSENSE = Failure(ErrorClass.JSON_RPC, "malformed", "what is this?")
REFUSED = Failure(ErrorClass.IS_ERROR, "", "no such city")
UNKNOWN = Failure(ErrorClass.JSON_RPC, "-32602", "no such city")


def judged(*failures: Failure | None, interrupted: bool = False, **changes: Any) -> tuple[LoadJudgement, ...]:
    plan = LoadPlan(
        target=HttpTarget(url="http://127.0.0.1/mcp"),
        revision="2026-07-28",
        workload=Workload(name="echo", operations=(Operation(name="echo", method="tools/call"),)),
        model=ClosedModel(users=1),
        duration=2.0,
    )
    recorder = Recorder()
    for at, failure in enumerate(failures):
        recorder.record(Sample("echo", at, at, at + 0.5, at + 0.5, 0, failure))
    facts: dict[str, Any] = {"lag_p99": 0.0, "held_up": 0.0, "busy_seconds": 1.0, "late": 0, "given_up": 0}
    facts |= {"calibration_rate": None, "complete": not interrupted, "seconds": 2.0, "state": recorder.state()}
    measured = Measurement(**(facts | changes))
    outcome = conclude(plan, measured, None, 12.0, interrupted=interrupted)
    return told(outcome, Crew(), measured).overall.judgements


@pytest.mark.parametrize("failure", [HUNG, DOWN, NONSENSE])
def test_a_target_that_answers_nothing_at_all_fails_though_nobody_has_an_objective(failure: Failure) -> None:
    (judgement,) = judged(failure, failure)
    assert judgement.holds is False
    assert f"of 2 requests none was answered well: 2 {failure.error_class} {failure.code}" in judgement.explanation


@pytest.mark.parametrize("failure", [REFUSED, UNKNOWN, STRANGER])
def test_a_target_that_refuses_everything_cannot_be_judged(failure: Failure) -> None:
    (judgement,) = judged(failure, failure)
    assert judgement.holds is None
    assert "every request was refused" in judgement.explanation


def test_a_target_that_fell_silent_for_longer_than_it_may_fails() -> None:
    (judgement,) = judged(None, HUNG, silence=15.0)
    assert judgement.holds is False
    assert "nothing for the last 15.0 s" in judgement.explanation
    assert judged(None, HUNG) == judged(None, None) == judged() == ()


def test_a_run_that_was_interrupted_accuses_nobody() -> None:
    assert judged(HUNG, interrupted=True) == ()
