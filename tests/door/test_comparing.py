"""`touchstone compare`: exit codes, JSON, Markdown, and refusals in a line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from door.comparing import compare_records
from door.errors import Exit, Refusal
from door.options import ComparingOptions

OLD = Path(__file__).parent.parent / "reports" / "old" / "run.jsonl"


def _with_failures(path: Path) -> Path:
    path.write_text(OLD.read_text("utf-8").replace('"outcome":"passed"', '"outcome":"failed"'), "utf-8")
    return path


def test_b_that_is_worse_is_exit_4_and_better_is_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = _with_failures(tmp_path / "bad.jsonl")
    assert compare_records(OLD, bad, ComparingOptions()) == Exit.WORSE
    assert "B is worse: " in capsys.readouterr().out
    assert compare_records(bad, OLD, ComparingOptions()) == Exit.PASSED
    assert "fixed" in capsys.readouterr().out


def test_json_and_markdown_say_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = _with_failures(tmp_path / "bad.jsonl")
    page = tmp_path / "new" / "comparison.md"
    compare_records(OLD, bad, ComparingOptions(as_json=True, markdown=page))
    told = json.loads(capsys.readouterr().out)
    assert told["worse"] is True
    assert told["verdicts"][0]["kind"] == "newly failing"
    assert page.read_text("utf-8").startswith(f"## ❌ {told['conclusion']}")


def test_nothing_in_common_is_exit_3(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text(OLD.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    assert compare_records(empty, OLD, ComparingOptions()) == Exit.UNREACHABLE


def test_a_file_that_is_not_there_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="no such file"):
        compare_records(tmp_path / "nothing.jsonl", OLD, ComparingOptions())
