"""Reports go where they are wanted: files, standard output, and the summary of a job, which is appended to."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from door.config import read_settings
from door.errors import Refusal
from door.options import PRINTED
from door.report_files import no_commands, try_to_write, write_report
from door.terminal import write
from reports.records import Header, Run, Target
from reports.records import Verdict as Row


@pytest.fixture
def run() -> Run:
    header = Header(
        touchstone="0.1.0",
        command="touchstone check -- node x.js",
        target=Target(name="x", transport="stdio", address="node x.js"),
        revisions=("2025-11-25",),
        started=datetime(2026, 9, 14, tzinfo=UTC),
    )
    failed = Row(
        check="it", title="It is.", level="MUST", revision="2025-11-25", transport="stdio", outcome="failed"
    )  # fmt: skip
    return Run(header, (failed,))


def test_a_report_replaces_what_was_there(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "new/report.md"
    for _ in range(2):
        write_report("markdown", run, path)
    assert path.read_text("utf-8").count("## ❌ Failed") == 1


def test_the_summary_of_a_job_is_appended_to(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    for _ in range(2):
        write_report("markdown", run, summary)
    assert summary.read_text("utf-8").count("## ❌ Failed") == 2


def test_a_summary_that_is_full_is_left_as_it_is(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = tmp_path / "summary.md"
    summary.write_bytes(b"x" * ((1 << 20) - 10))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    with pytest.raises(Refusal, match="full"):
        write_report("markdown", run, summary)
    assert summary.stat().st_size == (1 << 20) - 10


def test_what_is_for_standard_output_goes_there(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    try_to_write(PRINTED)
    write_report("github-annotations", run, PRINTED)
    assert capsys.readouterr().out.startswith("::error file=x.js,line=1,title=violation%3A it::It is.")


def test_a_place_that_cannot_be_written_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    for attempt in (try_to_write, lambda path: write_report("sarif", run, path)):
        with pytest.raises(Refusal, match=r"taken/x\.sarif"):
            attempt(tmp_path / "taken/x.sarif")


@pytest.mark.parametrize("way", ["token", "header", "env"])
def test_secrets_are_known_whichever_way_they_are_given(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "sesame-open")
    for value in ("env:MY_SECRET", "sesame-open"):
        match way:
            case "token":
                settings = read_settings(["http://127.0.0.1:1/mcp"], token=value)
            case "header":
                settings = read_settings(["http://127.0.0.1:1/mcp"], headers=[f"X-Key: {value}"])
            case _:
                settings = read_settings(["node x.js"], env=[f"KEY={value}"])
        assert any("sesame-open" in secret for secret in settings.secrets)


def test_a_runner_obeys_nothing_of_what_is_shown_while_annotations_are_wanted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with no_commands(["html", "github-annotations"]):
        write("::add-mask::a\n")
    first, said, last = capsys.readouterr().out.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert (len(token), said, last) == (32, "::add-mask::a", f"::{token}::")
    with no_commands(["html"]):
        pass
    assert capsys.readouterr().out == ""
