"""One run from header to footer, whatever happens in between."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.rulesets import RuleSet
from conformance.target import HttpTarget, StdioTarget
from door.errors import Exit, Refusal
from door.session import Output, Session, describe
from door.terminal import Terminal
from reference_impl.protocol.revisions import LATEST
from reports.records import RequirementRef, Verdict, read

RULE = RequirementRef(id="rule", level="MUST", text="It is.", page="p")


def row(outcome: Any = "passed", **more: Any) -> Verdict:
    facts: dict[str, Any] = {
        "check": "it",
        "title": "It is.",
        "level": "MUST",
        "revision": LATEST.name,
        "transport": "stdio",
        "outcome": outcome,
        "requirements": (RULE,),
    }
    return Verdict(**facts | more)


@pytest.fixture
def session(tmp_path: Path) -> Callable[..., Session]:
    def make(**more: Any) -> Session:
        output = Output(records=tmp_path / "deep/records.jsonl", console=Terminal(file=io.StringIO()), **more)
        return Session("touchstone check", describe(StdioTarget(("x",))), output, seed=1, secrets=("hush-hush",))

    return make


Make = Callable[..., Session]


def _read(tmp_path: Path) -> Any:
    return read(tmp_path / "deep/records.jsonl")


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [(["passed"], 0), (["passed", "failed"], 1), ([], 3), (["blocked"], 3), (["passed", "broken"], 5)],
)
def test_a_run_that_ends_by_itself_is_complete(session: Make, tmp_path: Path, outcomes: list[str], code: int) -> None:
    with session() as running:
        for outcome in outcomes:
            running.record(row(outcome))
    run = _read(tmp_path)
    assert (running.exit, run.footer.exit, run.complete) == (code, code, True)
    assert len(run.verdicts) == len(outcomes)


@pytest.mark.parametrize(("pinned", "code"), [({}, 3), ({"it": "SHOULD"}, 0), ({"it": "MUST"}, 1)])
def test_pinned_rules_know_neither_newer_checks_nor_stricter_levels(
    session: Make, tmp_path: Path, pinned: dict[str, str], code: int
) -> None:
    with session(rules=RuleSet("2026.01", pinned)) as running:
        running.record(row("failed"))
    run = _read(tmp_path)
    assert running.exit == code
    assert run.header.rules == "2026.01"
    assert [verdict.level for verdict in run.verdicts] == list(pinned.values())


@pytest.mark.parametrize(("outcome", "code"), [("passed", 130), ("failed", 1)])
def test_an_interrupted_run_keeps_what_it_has(session: Make, tmp_path: Path, outcome: str, code: int) -> None:
    with session() as running:
        running.record(row(outcome))
        raise KeyboardInterrupt
    run = _read(tmp_path)
    assert (running.exit, run.footer.exit) == (code, code)
    assert (run.footer.complete, run.footer.interrupted) == (False, True)


@pytest.mark.parametrize("outcome", [None, "passed", "failed"])
def test_a_refusal_is_told_and_its_code_stands_unless_something_failed(
    session: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str], outcome: str | None
) -> None:
    with session() as running:
        if outcome is not None:
            running.record(row(outcome))
        raise Refusal("the target hush-hush \x1b[2J went away", Exit.UNREACHABLE)
    run = _read(tmp_path)
    assert running.exit == run.footer.exit == (1 if outcome == "failed" else 3)
    assert (run.footer.complete, run.footer.interrupted) == (False, False)
    assert capsys.readouterr().err == "touchstone: the target [redacted] \\x1b[2J went away\n"


def test_a_fault_of_ours_goes_on_and_leaves_records_that_say_so(session: Make, tmp_path: Path) -> None:
    def run() -> None:
        with session() as running:
            running.record(row())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run()
    run = _read(tmp_path)
    assert (run.footer.exit, run.footer.complete, len(run.verdicts)) == (5, False, 1)


def test_records_that_cannot_be_written_are_refused_at_the_door(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    output = Output(records=tmp_path / "file/records.jsonl")
    with pytest.raises(Refusal, match=r"records\.jsonl"):
        Session("x", describe(StdioTarget(("x",))), output, seed=1, secrets=()).__enter__()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_a_disk_that_fills_up_is_a_refusal_and_no_fault(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(records=Path("/dev/full"), console=Terminal(file=io.StringIO()))
    with Session("x", describe(StdioTarget(("x",))), output, seed=1, secrets=()) as running:
        running.record(row())
    assert running.exit is Exit.USAGE
    assert "no space left" in capsys.readouterr().err


def test_the_target_learned_is_in_the_header_and_one_of_another_address_is_not(session: Make, tmp_path: Path) -> None:
    with session() as running:
        running.target(describe(HttpTarget("http://elsewhere"), "other 1"), (LATEST.name,))
        running.record(row())
        running.target(describe(StdioTarget(("x",)), "too late 2"), ())
    header = _read(tmp_path).header
    assert (header.target.name, header.revisions) == ("x", (LATEST.name,))


def test_rendered_is_what_was_written_without_secrets(session: Make, tmp_path: Path) -> None:
    report = tmp_path / "new/report.html"
    with session(reports={"html": report}) as running:
        running.record(row("failed", actual="it said hush-hush"))
    assert "hush-hush" not in report.read_text()
    assert "hush-hush" not in (tmp_path / "deep/records.jsonl").read_text()


def test_a_report_that_cannot_be_written_is_wrong_usage_but_a_violation_stands(
    session: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for outcome, code in (("passed", 2), ("failed", 1)):
        folder = tmp_path / outcome
        with session(reports={"junit": folder / "j.xml", "html": tmp_path / "r.html"}) as running:
            running.record(row(outcome))
            (folder / "j.xml").unlink()
            (folder / "j.xml").mkdir()
        assert running.exit == code
        assert "j.xml" in capsys.readouterr().err
        assert (tmp_path / "r.html").exists()


def test_a_run_whose_report_cannot_be_written_does_not_begin(session: Make, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(Refusal, match=r"taken/r\.html"), session(reports={"html": tmp_path / "taken/r.html"}):
        raise AssertionError
    assert not (tmp_path / "deep").exists()


def test_an_older_report_stays_until_the_new_one_is_there(session: Make, tmp_path: Path) -> None:
    old = tmp_path / "r.html"
    old.write_text("old")
    with session(reports={"html": old}):
        assert old.read_text() == "old"
    assert old.read_text() != "old"


def test_a_broken_pipe_changes_neither_reports_nor_exit(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        output = Output(
            records=tmp_path / "r.jsonl",
            console=_Deaf(file=pipe, force_terminal=False),
            reports={"junit": tmp_path / "j.xml"},
        )
        with Session("x", describe(StdioTarget(("x",))), output, seed=1, secrets=()) as running:
            running.record(row("failed"))
        with pytest.raises(BrokenPipeError):
            pipe.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)
    assert running.exit == 1
    assert (tmp_path / "j.xml").exists()


class _Deaf(Terminal):
    """A terminal whose broken pipe is not this test's own standard output."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
