"""`touchstone load` of two sides in turns: what is asked for, what is refused, and one whole run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reports.records import read

ROOT = Path(__file__).resolve().parents[2]
SMALL = str(Path(__file__).with_name("small_server.py"))
SERVER = (sys.executable, SMALL)


def touchstone(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    command = [sys.executable, "-m", "touchstone", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=110, check=False
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--versus-header", "A: b"), "--versus-header goes with --versus"),
        (("--versus", "http://192.0.2.1/mcp"), "--i-may-load-this-host"),
        (("--versus", "x y", "--find-capacity"), "compare two records of them"),
        (("--versus", "x y", "--duration", "2"), "--duration is at least 4 seconds"),
        (("--versus", "x y", "--target-pid", "1"), "tell of one target; --versus has two"),
    ],
)
def test_what_does_not_go_with_two_sides_is_refused_in_a_line(
    words: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    done = touchstone(tmp_path, "load", "--quiet", "--versus-revision", "2025-06-18", *words, "--", *SERVER)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_stateless_takes_a_target_of_both_eras(tmp_path: Path) -> None:
    done = touchstone(tmp_path, "load", "--quiet", "--scenario", "stateless", "--", *SERVER)
    assert done.returncode == 3
    assert "stateless: it takes a target of both eras; this one speaks 2025-11-25" in done.stderr


def test_two_revisions_of_a_target_are_one_record_and_a_comparison(tmp_path: Path) -> None:
    words = ("--revision", "2025-11-25", "--versus-revision", "2025-06-18", "--duration", "4", "--warm-up", "0")
    done = touchstone(tmp_path, "load", *words, "--users", "1", "--", *SERVER)
    # 3 where the machine was too busy to be a generator: then there is no result to compare.
    assert done.returncode in (0, 3, 4), done.stderr
    loads = read(tmp_path / ".touchstone" / "records.jsonl").loads
    assert {(load.side, load.revision) for load in loads} == {("A", "2025-11-25"), ("B", "2025-06-18")}
    again = touchstone(tmp_path, "compare", ".touchstone/records.jsonl", "--json")
    told = json.loads(again.stdout)
    assert told["loads"][0]["operation"] == "tools/call echo"
    assert [told["before"]["name"], told["after"]["name"]] == ["2025-11-25", "2025-06-18"]
