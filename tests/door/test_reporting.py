"""Records rendered again: in one format, or in as many as are wanted, held against another line or baseline."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from door.errors import Refusal
from door.options import FailOn, ReportOptions
from door.reporting import render
from reports.formats import FORMATS
from reports.records import Header, Run, Target, Verdict, Writer, conclude


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return write(tmp_path / "records.jsonl", "touchstone check -- node x.js --fail-on never")


def write(path: Path, command: str) -> Path:
    target = Target(name="x", transport="stdio", address="node x.js")
    started = datetime(2026, 9, 14, tzinfo=UTC)
    header = Header(touchstone="0.1.0", command=command, target=target, revisions=("2025-11-25",), started=started)
    facts = {"title": "It is.", "revision": "2025-11-25", "transport": "stdio", "outcome": "failed"}
    rows = (Verdict(check="a", level="MUST", **facts), Verdict(check="b", level="SHOULD", **facts))
    with Writer(path) as writer:
        for row in (header, *rows, conclude(Run(header, rows), seconds=1.0)):
            writer.append(row)
    return path


def test_without_options_the_terminal_shows_them(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    render(records, ReportOptions())
    assert "FAILED" in capsys.readouterr().out


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_each_format_goes_to_standard_output_or_to_a_file(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    render(records, ReportOptions(form=form))
    printed = capsys.readouterr().out
    render(records, ReportOptions(form=form, output=tmp_path / "out"))
    assert (tmp_path / "out").read_text("utf-8") == printed
    assert capsys.readouterr().out == ""


def test_several_reports_are_written_at_once_and_nothing_is_printed(
    records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    render(records, ReportOptions(reports={name: tmp_path / name for name in FORMATS}))
    assert capsys.readouterr().out == ""
    assert all((tmp_path / name).stat().st_size for name in FORMATS)


def test_a_mistyped_format_is_answered_with_what_was_meant(records: Path) -> None:
    with pytest.raises(Refusal, match="did you mean 'sarif'"):
        render(records, ReportOptions(form="sarf"))


@pytest.mark.parametrize(
    ("command", "line", "failures"),
    [
        ("touchstone check -- node x.js --fail-on never", None, "1"),
        ("touchstone check --fail-on never -- node x.js", None, "0"),
        ("touchstone check --fail-on=should -- node x.js", None, "2"),
        ("touchstone check --fail-on never -- node x.js", FailOn.should, "2"),
    ],
)
def test_the_line_is_that_of_the_run_unless_another_is_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, line: FailOn | None, failures: str
) -> None:
    render(write(tmp_path / "r.jsonl", command), ReportOptions(form="junit", fail_on=line))
    assert f'failures="{failures}"' in capsys.readouterr().out


def test_another_line_changes_the_exit_code_that_is_told(records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    render(records, ReportOptions(form="sarif", fail_on=FailOn.never))
    assert json.loads(capsys.readouterr().out)["runs"][0]["invocations"][0]["exitCode"] == 0
