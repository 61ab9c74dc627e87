"""What rows amount to: severity, exit code, footer."""

from dataclasses import replace
from itertools import product
from typing import Any

import msgspec
import pytest

from reports.records import (
    Counts,
    Finding,
    LoadJudgement,
    Run,
    Verdict,
    conclude,
    count_severities,
    exit_code,
    severity,
)
from reports.severity import broken_under_load

FIELDS = {"check": "a.b", "title": "It is.", "revision": "-", "transport": "stdio"}
LEVELS = ("MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "advice")


def verdict(outcome: str, level: str = "MUST") -> Verdict:
    return Verdict(**FIELDS, outcome=outcome, level=level)


def finding(confirmed: str, level: str = "MUST") -> Finding:
    return Finding(**FIELDS, outcome="failed", level=level, property="p", confirmed=confirmed)


def with_judgements(run: Run, *judgements: Verdict | Finding, **fields: object) -> Run:
    return Run(
        header=run.header,
        verdicts=tuple(each for each in judgements if isinstance(each, Verdict)),
        findings=tuple(each for each in judgements if isinstance(each, Finding)),
        **fields,
    )


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("MUST", "violation"),
        ("MUST NOT", "violation"),
        ("SHOULD", "warning"),
        ("SHOULD NOT", "warning"),
        ("MAY", "note"),
        ("advice", "note"),
    ],
)
def test_a_failure_is_as_severe_as_its_level(level: str, expected: str) -> None:
    assert severity(verdict("failed", level)) == expected
    assert severity(finding("confirmed", level)) == expected


@pytest.mark.parametrize(
    ("outcome", "expected"), [("passed", "ok"), ("inapplicable", "n/a"), ("blocked", "open"), ("broken", "fault")]
)
def test_other_outcomes_have_one_severity_at_every_level(outcome: str, expected: str) -> None:
    assert {severity(verdict(outcome, level)) for level in LEVELS} == {expected}


def test_a_flaky_finding_is_never_a_violation() -> None:
    assert severity(finding("flaky")) == "warning"
    assert severity(finding("flaky", "advice")) == "note"


def test_the_line_between_green_and_red_moves_with_fail_on(sample_run: Run) -> None:
    red = {
        (level, fail_on)
        for level, fail_on in product(LEVELS, ("must", "should", "advice", "never"))
        if exit_code(with_judgements(sample_run, verdict("failed", level)), fail_on) == 1
    }
    must, should, advice = {"MUST", "MUST NOT"}, {"SHOULD", "SHOULD NOT"}, {"MAY", "advice"}
    assert red == {
        *product(must, ("must", "should", "advice")),
        *product(should, ("should", "advice")),
        *product(advice, ("advice",)),
    }


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        (("passed",), 0),
        (("passed", "inapplicable", "blocked"), 0),
        ((), 3),
        (("blocked", "inapplicable"), 3),
        (("passed", "broken"), 5),
        (("broken",), 5),
        (("failed", "broken", "blocked"), 1),
    ],
)
def test_the_exit_code_says_what_a_gate_needs_to_know(sample_run: Run, outcomes: tuple[str, ...], code: int) -> None:
    assert exit_code(with_judgements(sample_run, *map(verdict, outcomes))) == code


def test_a_missed_objective_fails_a_run_without_violation(sample_run: Run) -> None:
    missed, met, _ = sample_run.loads
    assert exit_code(Run(header=sample_run.header, loads=(missed,))) == 1
    assert exit_code(Run(header=sample_run.header, loads=(missed,)), "never") == 0
    assert exit_code(Run(header=sample_run.header, loads=(met,))) == 0


@pytest.mark.parametrize(
    ("holds", "code"), [((True,), 0), ((False, True), 1), ((None, True), 0), ((None,), 3), ((None, False), 1)]
)
def test_what_a_scenario_judges_decides_as_an_objective_does(sample_run: Run, holds: Any, code: int) -> None:
    judged = tuple(LoadJudgement(name="no leak", holds=each, explanation="as seen") for each in holds)
    load = msgspec.structs.replace(sample_run.loads[1], judgements=judged)
    run = Run(header=sample_run.header, loads=(load,))
    assert exit_code(run) == code
    assert exit_code(run, "never") == (3 if holds == (None,) else 0)


def test_a_fault_under_load_stands_however_slow_the_generator_was(sample_run: Run) -> None:
    wrong = LoadJudgement(name="no foreign answer", holds=False, explanation="one was another's")
    spoiled = msgspec.structs.replace(sample_run.loads[2], judgements=(wrong,))
    run = Run(header=sample_run.header, loads=(spoiled,))
    assert (exit_code(run), broken_under_load(run)) == (1, (wrong,))


def test_what_the_generator_limited_neither_passes_nor_fails(sample_run: Run) -> None:
    spoiled = sample_run.loads[2]
    assert exit_code(with_judgements(sample_run, verdict("passed"), loads=(spoiled,))) == 3


def test_what_a_scenario_judged_is_conclusive_however_slow_the_generator_was(sample_run: Run) -> None:
    good = LoadJudgement(name="no foreign answer", holds=True, explanation="each was its own")
    spoiled = msgspec.structs.replace(sample_run.loads[2], judgements=(good,), objectives=())
    assert exit_code(Run(header=sample_run.header, loads=(spoiled,))) == 0


def test_a_load_in_which_nothing_happened_is_not_conclusive(sample_run: Run) -> None:
    fields = {name: getattr(sample_run.loads[1], name) for name in sample_run.loads[1].__struct_fields__}
    idle = type(sample_run.loads[1])(**fields | {"counts": Counts(total=0, ok=0, failed=0), "objectives": ()})
    assert exit_code(Run(header=sample_run.header, loads=(idle,))) == 3


def test_a_run_cut_short_is_no_pass_but_its_failures_stand(sample_run: Run) -> None:
    passed, failed = (with_judgements(sample_run, verdict(outcome)) for outcome in ("passed", "failed"))
    assert conclude(passed, seconds=1, interrupted=True).exit == 3
    assert conclude(failed, seconds=1, interrupted=True).exit == 1


def test_the_footer_counts_by_outcome_and_by_severity(sample_run: Run) -> None:
    run = with_judgements(
        sample_run, verdict("failed"), verdict("failed", "SHOULD"), verdict("passed"), finding("flaky")
    )
    footer = conclude(run, seconds=2.5)
    assert footer.counts == {"failed": 3, "passed": 1}
    assert footer.severities == {"violation": 1, "warning": 2, "ok": 1}
    assert (footer.complete, footer.exit, footer.seconds) == (True, 1, 2.5)
    assert replace(run, footer=footer).complete


def test_severities_are_counted_the_worst_first(sample_run: Run) -> None:
    assert list(count_severities(sample_run.judgements)) == ["violation", "warning", "note", "open", "ok", "n/a"]
