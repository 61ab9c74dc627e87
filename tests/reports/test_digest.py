"""A digest shows each failure once and agrees with the exit code."""

from dataclasses import replace
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from reports.digest import Place, describe_places, digest, ended_early, headline, standing, strongest
from reports.records import Counts, Footer, Judgement, Run, conclude, severity

T = TypeVar("T", bound=Judgement)


def replace_row(row: T, check: str, **changes: Any) -> T:
    return msgspec.structs.replace(row, check=check, **changes)


REVISIONS = ("2025-06-18", "2025-11-25")


def test_the_same_failure_on_many_revisions_is_one_failure(sample_run: Run) -> None:
    failures = digest(sample_run).failures
    assert [(group.severity, group.first.check, len(group.judgements)) for group in failures] == [
        ("violation", "http.origin.foreign", 5),
        ("violation", "tools.arguments.any", 1),
        ("violation", "tools.call.error", 10),
        ("warning", "session.order", 1),
        ("warning", "tools.names", 2),
        ("note", "stdio.parse.error", 4),
    ]


def test_checks_that_fail_on_the_same_rule_are_one_failure(sample_run: Run) -> None:
    first = next(row for row in sample_run.verdicts if row.check == "tools.names" and row.outcome == "failed")
    twin, passed = replace_row(first, "tools.zz.twin"), replace_row(first, "tools.zz.passed", outcome="passed")
    run = replace(sample_run, verdicts=(*sample_run.verdicts, twin, passed))
    summary = digest(run)
    shown = next(group for group in summary.failures if group.first.check == "tools.names")
    assert [group.first.check for group in shown.also] == ["tools.zz.twin"]
    assert headline(run) == headline(sample_run)
    own = next(group for group in summary.groups if group.first.check == "tools.zz.twin")
    assert summary.number_of(own) == summary.number_of(shown) == summary.failures.index(shown) + 1
    assert summary.number_of(next(group for group in summary.groups if group.first.outcome == "passed")) is None


def test_findings_are_never_folded_into_one(sample_run: Run) -> None:
    again = tuple(replace_row(row, f"{row.check}.again") for row in sample_run.findings if row.outcome == "failed")
    run = replace(sample_run, findings=(*sample_run.findings, *again))
    assert len(digest(run).failures) == len(digest(sample_run).failures) + len(again)


def test_the_newest_revision_stands_for_the_others(sample_run: Run) -> None:
    assert digest(sample_run).failures[0].first.revision == "2026-07-28"


def test_what_is_blocked_stands_with_its_cause(sample_run: Run) -> None:
    blocked = digest(sample_run).blocked
    assert [blockage.checks for blockage in blocked] == [
        ("progress.increases", "progress.token"),
        ("cancel.frees", "cancel.stops"),
        ("elicitation.form",),
    ]


def test_no_judgement_is_lost(sample_run: Run) -> None:
    summary = digest(sample_run)
    assert sum(len(group.judgements) for group in summary.groups) == len(sample_run.judgements)
    assert sum(sum(tally.counts.values()) for tally in summary.tallies) == len(sample_run.judgements)
    assert all(severity(judged) == group.severity for group in summary.groups for judged in group.judgements)


def test_the_headline_counts_what_is_wrong(sample_run: Run) -> None:
    assert headline(sample_run) == "3 violations, 2 warnings, 1 note and 1 missed objective"


def test_the_headline_of_a_run_with_warnings_only_says_that_nothing_is_violated(sample_run: Run) -> None:
    mild = tuple(each for each in sample_run.verdicts if severity(each) in {"ok", "warning"})
    run = Run(header=sample_run.header, verdicts=mild)
    assert (standing(run), headline(run)) == ("passed", "No violations and 1 warning")


def test_the_headline_of_a_clean_run_counts_checks(clean_run: Run) -> None:
    assert (standing(clean_run), headline(clean_run)) == ("passed", "28 checks passed")


def test_a_run_that_shows_nothing_says_so(sample_run: Run) -> None:
    empty = Run(header=sample_run.header)
    assert (standing(empty), headline(empty)) == ("inconclusive", "Nothing conclusive ran")
    spoiled = Run(header=sample_run.header, loads=sample_run.loads[2:])
    assert (standing(spoiled), headline(spoiled)) == ("inconclusive", "An objective could not be measured")


def test_a_run_cut_short_says_so(clean_run: Run) -> None:
    run = replace(clean_run, footer=None)
    cut = replace(run, footer=conclude(run, seconds=1, interrupted=True))
    assert (standing(cut), headline(cut)) == ("inconclusive", "Cut short, nothing wrong until then")


def test_a_run_of_load_alone_speaks_of_objectives(sample_run: Run) -> None:
    run = Run(header=sample_run.header, loads=sample_run.loads[1:2])
    assert (standing(run), headline(run)) == ("passed", "Every objective met")


def test_what_failed_has_failed_even_where_the_exit_code_is_mild(sample_run: Run) -> None:
    mild = Footer(complete=True, counts={}, exit=0, seconds=1)
    assert standing(replace(sample_run, footer=mild)) == "failed"


def test_places_are_said_by_transport() -> None:
    both = [Place(revision, transport) for revision in REVISIONS for transport in ("http", "stdio")]
    assert describe_places(both, REVISIONS) == "every revision over http and stdio"
    assert describe_places(both) == "2025-06-18, 2025-11-25 over http and stdio"
    assert describe_places([*both[:2], both[3]]) == "2025-06-18 over http; 2025-06-18, 2025-11-25 over stdio"


def test_the_strongest_requirement_stands_for_all(sample_run: Run) -> None:
    group = digest(sample_run).failures[2]
    rule = strongest(group.first)
    assert rule is not None
    assert rule.id == "tools.error.in-result"


def test_errors_under_load_that_no_objective_judges_are_in_the_headline(sample_run: Run) -> None:
    load = msgspec.structs.replace(sample_run.loads[0], objectives=())
    run = Run(header=sample_run.header, loads=(load,))
    assert load.counts.failed
    assert headline(run).startswith("Measured, ")
    assert headline(run).endswith(" errors and no objective for them")


def test_what_failed_under_load_is_counted_once_though_its_parts_have_rows_of_their_own(sample_run: Run) -> None:
    load = msgspec.structs.replace(sample_run.loads[0], objectives=(), counts=Counts(total=8, ok=0, failed=8))
    opening = msgspec.structs.replace(load, operation="(opening)", counts=Counts(total=9, ok=9, failed=0))
    run = Run(header=sample_run.header, loads=(load, opening))
    assert headline(run) == "Measured, 100 % errors and no objective for them"


def test_why_a_run_is_not_whole_is_told_apart(sample_run: Run) -> None:
    def of(**changes: object) -> str:
        return ended_early(replace(sample_run, footer=structs.replace(sample_run.footer, **changes)))

    assert not of()
    assert ended_early(replace(sample_run, footer=None)).startswith("The records end before the run did: ")
    assert of(complete=False, interrupted=True).startswith("The run was interrupted: ")
    assert of(complete=False, exit=3, ended="it went away").startswith("The run could not go on (it went away): ")
    assert of(complete=False, exit=5).startswith("Touchstone failed: ")


def test_what_is_worse_than_another_is_in_the_headline(sample_run: Run, clean_run: Run) -> None:
    worse = "B is worse: p99 worse"
    for run, said in ((clean_run, worse), (sample_run, f"{headline(sample_run)}; {worse}")):
        compared = replace(run, footer=structs.replace(run.footer, exit=4, worse=worse))
        assert headline(compared) == said
        assert digest(compared).standing == "failed"
    older = replace(clean_run, footer=structs.replace(clean_run.footer, exit=4))
    assert headline(older) == "Worse than what it was held against"
