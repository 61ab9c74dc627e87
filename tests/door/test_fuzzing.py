"""`touchstone fuzz` as users type it: its budgets, what it says when it finds something, and what Ctrl-C leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import touchstone
from reports.records import read

DEADLINE = 120.0
ROOT = Path(__file__).resolve().parents[2]
FOUND, SEARCHED = "property.arguments.valid", "property.framing"


def _seeded(*words: str) -> list[str]:
    return [sys.executable, "-m", "fixtures.seeded.server", *words]


def _started(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """A command that runs meanwhile; its output goes to files, since nobody reads it before the end."""
    with (folder / "output").open("wb") as output, (folder / "errors").open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "touchstone", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
        )


def _until(process: subprocess.Popen[bytes], seen: Callable[[], bool]) -> None:
    """Wait for evidence; fail if the command ends before it shows, or it does not show."""
    ends = time.monotonic() + DEADLINE
    while not seen():
        assert time.monotonic() < ends, "nothing was seen in time"
        try:
            code = process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(f"the command ended early, with {code}")


def test_ctrl_c_behind_the_first_finding_keeps_it(tmp_path: Path) -> None:
    words = ["--only", FOUND, "--only", SEARCHED, "--revision", "2025-11-25", "--seed", "0", "--examples", "1000000"]
    command = ["fuzz", *words, "--records", "records.jsonl", "--", *_seeded("output-breaks-schema")]
    process = _started(tmp_path, *command)
    try:
        _until(process, lambda: b"found: " in (tmp_path / "errors").read_bytes())
        process.send_signal(signal.SIGINT)
        code = process.wait(DEADLINE)
    finally:
        process.kill()
        process.wait()
    errors = (tmp_path / "errors").read_text()
    assert errors.startswith(f"found: {FOUND} at 2025-11-25: subtract with "), errors
    run = read(tmp_path / "records.jsonl")
    assert run.footer is not None
    # A violation that was found stands, however the run ended.
    assert (run.footer.complete, run.footer.interrupted, run.footer.exit, code) == (False, True, 1, 1)
    (finding,) = run.findings
    assert (finding.property, finding.outcome, finding.confirmed) == (FOUND, "failed", "confirmed")
    assert finding.ended == "found"
    assert finding.script
    assert b"interrupted" in (tmp_path / "output").read_bytes()


Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Typed:
    """Run a command line in a folder of its own, in this process; return its exit code and its standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def run(*words: str) -> tuple[int, str]:
        handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        monkeypatch.setattr(sys, "argv", ["touchstone", *words])
        with pytest.raises(SystemExit) as caught:
            touchstone.main()
        for number, handler in handlers.items():
            signal.signal(number, handler)
        return int(caught.value.code or 0), capfd.readouterr().err

    return run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--seconds", "0"), "--seconds"),
        (("--seconds", "-5"), "--seconds"),
        (("--seconds", "soon"), "--seconds"),
        (("--seconds", "nan"), "--seconds"),
        (("--seconds", "inf"), "--seconds is a number, and ends"),
        (("--examples", "0"), "--examples"),
        (("--examples", "1.5"), "--examples"),
    ],
)
@pytest.mark.parametrize("command", ["fuzz", "run"])
def test_a_budget_that_is_none_is_refused_in_a_line(
    typed: Typed, words: tuple[str, str], said: str, command: str
) -> None:
    code, errors = typed(command, *words, "--", "true")
    assert code == 2
    (line,) = errors.splitlines()
    assert line.startswith("touchstone: ")
    assert said in line


def test_the_records_tell_which_budget_ended_the_search(typed: Typed, tmp_path: Path) -> None:
    only = ("--only", SEARCHED, "--revision", "2025-11-25", "--records", "records.jsonl", "--quiet")
    for budgets, ended in (
        (("--examples", "2"), "examples"),
        (("--seconds", "0.2"), "seconds"),
        (("--examples", "2", "--seconds", "600"), "examples"),
        (("--examples", "1000000", "--seconds", "0.2"), "seconds"),
    ):
        code, errors = typed("fuzz", *only, *budgets, "--", *_seeded())
        assert (code, errors) == (0, "")
        (finding,) = read(tmp_path / "records.jsonl").findings
        assert (finding.outcome, finding.ended) == ("passed", ended)
