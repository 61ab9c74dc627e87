"""Workflow commands of GitHub: what is wrong, escaped as GitHub reads it, never more than it shows."""

import re
from dataclasses import replace
from datetime import date

import msgspec
import pytest

from reports.annotations import render_annotations
from reports.baseline import Baseline, Known
from reports.records import LoadJudgement, Run, Target

COMMAND = re.compile(r"::(error|warning|notice) (?:file=[^,:]+,line=1,)?title=([^,:]*)::(.*)")


def commands(run: Run) -> list[tuple[str, str, str]]:
    lines = render_annotations(run).splitlines()
    found = [COMMAND.fullmatch(line) for line in lines]
    assert all(found), lines
    return [match.groups() for match in found if match]


def test_each_failure_is_one_command_the_worst_first(sample_run: Run) -> None:
    levels = [level for level, _, _ in commands(sample_run)]
    assert levels == ["error"] * 4 + ["warning"] * 2 + ["notice"]
    level, title, text = commands(sample_run)[0]
    assert (level, title) == ("error", "violation%3A http.origin.foreign")
    assert "%0Aexpected: HTTP 403%0Aactual: HTTP 200 with a result%0A" in text
    assert render_annotations(sample_run).startswith("::error file=build/index.js,line=1,title=")


def test_where_nothing_is_wrong_nothing_is_printed(clean_run: Run) -> None:
    assert render_annotations(clean_run) == ""


def test_a_run_that_was_cut_short_says_that_it_proves_nothing(clean_run: Run) -> None:
    ((level, _, text),) = commands(replace(clean_run, footer=None))
    assert level == "notice"
    assert "no proof" in text


@pytest.mark.parametrize("count", [10, 11, 40])
def test_github_shows_ten_of_a_level_so_the_tenth_counts_the_rest(sample_run: Run, count: int) -> None:
    verdicts = tuple(
        msgspec.structs.replace(sample_run.verdicts[-1], check=f"check.{number}", level="SHOULD", requirements=())
        for number in range(count)
    )
    told = commands(replace(Run(header=sample_run.header, verdicts=verdicts), footer=sample_run.footer))
    warnings = [text for level, _, text in told if level == "warning"]
    assert len(warnings) == 10
    assert warnings[-1].endswith("more of this level: see the report") == (count > 10)
    assert count == 10 or warnings[-1].startswith(f"{count - 9} more")


def test_words_of_a_target_end_no_command_and_begin_none(sample_run: Run) -> None:
    hostile = "50%\r\n::set-env name=X::y, a:b \x1b[0m"
    row = msgspec.structs.replace(
        sample_run.verdicts[-1], check=hostile, summary=hostile, level="MUST", outcome="failed", requirements=()
    )
    target = Target(name="x", transport="stdio", address="node 'a,b: 50%.js'")
    header = msgspec.structs.replace(sample_run.header, target=target)
    (line,) = render_annotations(Run(header=header, verdicts=(row,), footer=sample_run.footer)).splitlines()
    assert line.startswith("::error file=a%2Cb%3A 50%25.js,line=1,title=violation%3A 50%25\\x0d%0A%3A%3Aset-env name=X")
    assert "\x1b" not in line


def test_load_and_stale_entries_are_errors_too(sample_run: Run) -> None:
    judged = LoadJudgement(name="no foreign answer", holds=False, explanation="another's")
    load = msgspec.structs.replace(sample_run.loads[0], judgements=(judged,))
    known = (Known(check="ping.answered"),)
    run = replace(sample_run, loads=(load,), baseline=Baseline(date(2026, 9, 14), known))
    titles = [title for level, title, _ in commands(run) if level == "error"]
    assert titles[-3:] == ["missed objective", "under load%3A no foreign answer", "stale entry of the baseline"]


def test_known_failures_are_counted_and_not_shown(sample_run: Run) -> None:
    known = tuple(Known(check=check) for check in ("tools.call.error", "http.origin.foreign"))
    told = commands(replace(sample_run, baseline=Baseline(date(2026, 9, 14), known)))
    assert ("notice", "Touchstone", "2 known failures do not count") in told
    assert not any("tools.call.error" in title for _, title, _ in told)
