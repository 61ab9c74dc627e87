"""A protected server on the command line: without a token, with one that is no good, and with our issuer's."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.records import read
from tests.interop.strangers import serving

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "STALE": "eyJ-a-stale-token"}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving((sys.executable, "-m", "tests.interop.guarded"), PYTHONPATH=str(ROOT)) as found:
        yield found


def _checked(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "touchstone", "check", "--only", "auth.*", "--only", "base.*", *words)
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)


def test_without_a_token_the_gate_is_judged_and_the_rest_wants_one(url: str, tmp_path: Path) -> None:
    done = _checked(tmp_path, url)
    assert done.returncode == 3
    assert "wants credentials: --token" in done.stderr
    assert "the target wants a token (HTTP 401): give it with --token" in done.stdout
    run = read(tmp_path / ".touchstone" / "records.jsonl")
    assert {item.outcome for item in run.verdicts} == {"passed", "blocked", "inapplicable"}


@pytest.mark.parametrize("given", ["env:STALE", "eyJ-a-stale-token"])
def test_a_token_that_is_refused_is_told_as_such_and_shown_nowhere(url: str, tmp_path: Path, given: str) -> None:
    done = _checked(tmp_path, "--token", given, url)
    assert done.returncode == 3
    assert "does not take the credentials that it was given" in done.stderr
    records = (tmp_path / ".touchstone" / "records.jsonl").read_text("utf-8")
    assert "stale" not in (records + done.stdout + done.stderr).lower().replace("env:stale", "")
