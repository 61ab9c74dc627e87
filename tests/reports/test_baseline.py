"""A baseline excuses what it names and nothing else, and notices when it holds no more."""

import re
from dataclasses import replace
from datetime import date

import msgspec
import pytest

from reports.baseline import Baseline, BaselineError, Known, parse_baseline, render_baseline, renew
from reports.console import to_text
from reports.digest import digest
from reports.html import render_html
from reports.junit import render_junit
from reports.records import Run, Verdict, conclude, exit_code, fails, severity

DAY = date(2026, 9, 14)
FAILING = ("http.origin.foreign", "tools.arguments.any", "tools.call.error")
"""The violations of the sample."""


def against(run: Run, *known: Known, **more: object) -> Run:
    """The run without its missed objective, held against a baseline."""
    return replace(run, loads=(), baseline=Baseline(DAY, known, **more))


def all_known(**more: object) -> list[Known]:
    return [Known(check=check, reason="it is known", **more) for check in FAILING]


def passed(run: Run, check: str, **more: object) -> Verdict:
    row = next(row for row in run.verdicts if row.check == check and row.outcome == "failed")
    return msgspec.structs.replace(row, outcome="passed", summary="", **more)


def test_known_failures_do_not_fail_the_run_and_new_ones_do(sample_run: Run) -> None:
    known = all_known()
    assert exit_code(against(sample_run, *known)) == 0
    assert exit_code(against(sample_run, *known[1:])) == 4
    assert exit_code(replace(sample_run, loads=())) == 1


def test_what_is_stored_knows_of_no_baseline(sample_run: Run) -> None:
    held = against(sample_run, *all_known())
    footer = conclude(held, seconds=1)
    assert footer.exit == 0
    assert footer.severities["violation"] > 0
    assert "known" not in footer.severities


def test_an_entry_covers_the_place_that_it_names_and_no_other(sample_run: Run) -> None:
    held = against(sample_run, Known(check="tools.call.error", revision="2025-11-25", transport="stdio"))
    excused = [row for row in sample_run.verdicts if severity(row, held.baseline) == "known"]
    assert [(row.check, row.revision, row.transport) for row in excused] == [
        ("tools.call.error", "2025-11-25", "stdio")
    ]


@pytest.mark.parametrize(("expires", "code"), [(date(2026, 9, 15), 0), (DAY, 4), (date(2020, 1, 1), 4)])
def test_an_entry_excuses_nothing_from_the_day_that_it_expires(sample_run: Run, expires: date, code: int) -> None:
    held = against(sample_run, *all_known(expires=expires))
    assert exit_code(held) == code
    assert f"it is known, until {expires}" in to_text(held)


def test_an_expired_entry_counts_whatever_the_level_of_its_failure(sample_run: Run) -> None:
    held = against(sample_run, *all_known(), Known(check="tools.names", expires=DAY))
    assert exit_code(held) == 4
    assert exit_code(held, "never") == 0
    assert "Expired in the baseline" in render_html(held)


def test_an_entry_that_nothing_fails_under_is_stale(sample_run: Run) -> None:
    held = against(sample_run, *all_known(), Known(check="tools.names.shape"), Known(check="lifecycle.version.echo"))
    assert [entry.check for entry in digest(held).stale] == ["lifecycle.version.echo"]
    assert exit_code(held) == 4
    assert exit_code(held, "never") == 0
    assert digest(held).standing == "failed"
    assert digest(held).headline.endswith("3 known failures and 1 stale entry of the baseline")


@pytest.mark.parametrize("outcome", ["blocked", "inapplicable", "broken"])
def test_what_could_not_be_judged_is_not_stale(sample_run: Run, outcome: str) -> None:
    row = next(row for row in sample_run.verdicts if row.check == "lifecycle.version.echo")
    run = replace(sample_run, verdicts=(msgspec.structs.replace(row, outcome=outcome),))
    assert digest(against(run, Known(check=row.check))).stale == ()


def test_what_still_fails_somewhere_is_not_stale(sample_run: Run) -> None:
    failed = next(row for row in sample_run.verdicts if row.check == "tools.call.error")
    run = replace(sample_run, verdicts=(failed, passed(sample_run, failed.check, transport="elsewhere")))
    assert digest(against(run, Known(check=failed.check))).stale == ()


def test_a_run_that_was_narrowed_or_cut_short_calls_nothing_stale(sample_run: Run) -> None:
    plain, dated = Known(check="lifecycle.version.echo"), Known(check="lifecycle.version.echo", revision="2025-11-25")
    assert digest(against(sample_run, plain, dated, only=True)).stale == ()
    assert digest(against(sample_run, plain, dated, revisions=True)).stale == (dated,)
    assert digest(replace(against(sample_run, plain), footer=None)).stale == ()


def test_entries_that_only_excuse_are_never_stale(sample_run: Run) -> None:
    held = against(sample_run, excuses=(*all_known(), Known(check="lifecycle.version.echo")))
    assert (exit_code(held), digest(held).stale) == (0, ())


def test_every_rendering_shows_known_failures_as_known(sample_run: Run) -> None:
    entry = Known(check="tools.call.error", reason="see there", link="https://example.com/1", expires=date(2027, 1, 1))
    held = against(sample_run, entry, Known(check="lifecycle.version.echo", reason="outlived"))
    text = to_text(held)
    assert "known failures\n  tools.call.error · every revision over http and stdio" in text
    assert "see there, https://example.com/1, until 2027-01-01" in text
    assert "remove the entries\n  lifecycle.version.echo" in text
    page = render_html(held)
    assert '<a href="https://example.com/1" rel="noopener noreferrer">' in page
    assert '<span class="badge known">known</span>' in page
    assert "outlived" in page
    report = render_junit(held)
    assert '<property name="known" value="see there"' in report
    assert '<property name="known.link" value="https://example.com/1"' in report
    assert 'message="known, not counted: read_note answers' in report
    assert '<testcase name="lifecycle.version.echo" time="0.000" classname="touchstone.baseline">' in report


def test_a_known_failure_is_linked_from_the_table_to_where_it_is_shown(sample_run: Run) -> None:
    page = render_html(against(sample_run, *all_known()))
    shown = re.findall(r'<details class="failure [a-z]+" id="([^"]+)"', page)
    assert len(shown) == 6
    assert set(shown) <= set(re.findall(r'<td class="what"><a href="#([^"]+)"', page))


def test_a_file_is_read_back_as_it_was_written() -> None:
    entries = (
        Known(check="a", reason='with "quotes", a \\ and a \x7f', link="https://example.com", expires=DAY),
        Known(check="b", revision="2025-11-25", transport="http"),
    )
    text = render_baseline(entries)
    assert parse_baseline(text) == entries
    assert '[[known]]\ncheck = "b"\nreason = ""\nrevision = "2025-11-25"\n' in text
    assert parse_baseline(render_baseline(())) == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[known]]\nreason = 'x'", "known[0]: "),
        ("[[known]]\ncheck = 'x'\nreazon = 'x'", "no such key: 'reazon'"),
        ("[[known]]\ncheck = 'x'\nexpires = 'soon'", "known[0].expires: "),
        ("[[unknown]]\ncheck = 'x'", "no such key: 'unknown'"),
        ("[[known", "]]"),
    ],
)
def test_what_is_no_baseline_is_refused_in_a_line(text: str, told: str) -> None:
    with pytest.raises(BaselineError) as caught:
        parse_baseline(text)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_renewed_baseline_lists_what_fails_and_keeps_what_was_said(sample_run: Run) -> None:
    old = Known(check="tools.call.error", reason="kept", expires=date(2020, 1, 1))
    before = Baseline(DAY, (old, Known(check="lifecycle.version.echo"), Known(check="not.judged")))
    failing = [row for row in sample_run.judgements if fails(row)]
    after = renew(before, sample_run.judgements, failing)
    assert after == (
        old,
        Known(check="not.judged"),
        Known(check="http.origin.foreign", transport="http"),
        Known(check="tools.arguments.any", transport="stdio"),
    )


def test_a_new_entry_names_its_revision_where_the_check_does_not_fail_at_all(sample_run: Run) -> None:
    failed = next(row for row in sample_run.verdicts if row.check == "tools.call.error")
    other = passed(sample_run, failed.check, revision="2024-11-05", transport=failed.transport)
    here = Known(check=failed.check, transport=failed.transport, revision=failed.revision)
    sometimes = msgspec.structs.replace(failed, revision="2025-11-25")
    (entry,) = renew(Baseline(DAY), (sometimes, other), (sometimes,))
    assert entry == msgspec.structs.replace(here, revision="2025-11-25")
    (entry,) = renew(Baseline(DAY, revisions=True), (failed,), (failed,))
    assert entry == here


def test_what_another_list_excused_becomes_an_entry_with_its_reason(sample_run: Run) -> None:
    failed = next(row for row in sample_run.verdicts if row.check == "tools.call.error")
    before = Baseline(DAY, excuses=(Known(check=failed.check, reason="listed elsewhere"),))
    (entry,) = renew(before, (failed,), (failed,))
    assert entry.reason == "listed elsewhere"
