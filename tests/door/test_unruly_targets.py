"""A target that misbehaves as a process yields a finding or a clear message, in time, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

from reports.records import read

DEADLINE = 60.0


def _check(tmp_path: Path, *target: str, only: str = "*") -> tuple[subprocess.CompletedProcess[str], Path, str]:
    """Check a target whose processes carry a mark, by which those left behind are found."""
    mark = uuid.uuid4().hex
    records = tmp_path / "records.jsonl"
    command = [sys.executable, "-m", "touchstone", "check", "--records", str(records), "--patience", "1.5", "--quiet"]
    command += ["--only", only]
    done = subprocess.run(
        [*command, "--env", f"TOUCHSTONE_TEST_MARK={mark}", "--", *target],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    return done, records, mark


def _left_behind(mark: str) -> list[str]:
    """Processes of a run that still live a moment after it ended."""
    ends = time.monotonic() + 3
    while alive := [process for process in psutil.process_iter() if _carries(process, mark)]:
        if time.monotonic() > ends:
            return [str(process) for process in alive]
        psutil.wait_procs(alive, timeout=0.2)
    return []


def _carries(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get("TOUCHSTONE_TEST_MARK") == mark and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _unruly(mode: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "fixtures.unruly", mode)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (("/no/such/program",), "no such program"),
        (_unruly("exits"), "status 7"),
        (_unruly("silent"), "silence"),
        (_unruly("garbage"), "no JSON-RPC: Segmentation fault (just kidding)"),
        (("cat",), "sends back what it was sent"),
        (("echo", "hello"), "no JSON-RPC: hello"),
    ],
)
def test_a_target_that_opens_no_conversation_is_said_to_be_unreachable(
    tmp_path: Path, target: tuple[str, ...], words: str
) -> None:
    done, _, mark = _check(tmp_path, *target)
    assert done.returncode == 3, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert _left_behind(mark) == []


@pytest.mark.parametrize("mode", ["dies", "floods-stdout"])
def test_a_target_that_breaks_its_output_or_dies_is_a_violation(tmp_path: Path, mode: str) -> None:
    done, records, mark = _check(tmp_path, *_unruly(mode))
    failed = {verdict.check for verdict in read(records).verdicts if verdict.outcome == "failed"}
    assert failed, done.stdout + done.stderr
    assert not any(verdict.outcome == "broken" for verdict in read(records).verdicts)
    assert done.returncode == 1
    assert _left_behind(mark) == []


def test_a_target_that_floods_standard_error_is_judged_as_if_it_did_not(tmp_path: Path) -> None:
    done, records, mark = _check(tmp_path, *_unruly("floods-stderr"))
    run = read(records)
    assert done.returncode == 0, done.stdout + done.stderr
    assert run.complete
    assert any(verdict.outcome == "passed" for verdict in run.verdicts)
    assert _left_behind(mark) == []


def test_a_target_that_stays_after_the_end_of_its_input_is_found_and_killed(tmp_path: Path) -> None:
    done, records, mark = _check(tmp_path, *_unruly("lingers"), only="stdio.*")
    failed = {verdict.check for verdict in read(records).verdicts if verdict.outcome == "failed"}
    assert any(check.startswith("stdio.") for check in failed), done.stdout
    assert _left_behind(mark) == []
