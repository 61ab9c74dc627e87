"""`init` on a real server: the file that it writes, what it says, and when it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from door.errors import Exit, Refusal
from door.initializing import initialize
from door.options import TargetOptions
from door.settings_file import read_file

_SERVER = [sys.executable, str(Path(__file__).with_name("small_server.py"))]


def test_a_server_is_looked_at_and_its_settings_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "touchstone.toml"
    code = initialize(TargetOptions(target=_SERVER, env=["API_KEY=abcdef123"]), path, quiet=True)
    said = capsys.readouterr().out
    assert code == Exit.PASSED
    read = read_file(str(path))
    assert read.target.command == _SERVER
    assert read.target.env == {"API_KEY": "env:API_KEY"}
    assert "abcdef123" not in path.read_text("utf-8")
    assert "small 1, which speaks 2025-11-25 over stdio" in said
    assert "1 tool; 1 may be called without your word" in said
    assert "no tool that may be called asks its client for anything" in said


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "touchstone.toml"
    path.write_text("# mine\n")
    with pytest.raises(Refusal, match="--force"):
        initialize(TargetOptions(target=_SERVER), path, quiet=True)
    assert path.read_text() == "# mine\n"


def test_a_server_that_cannot_be_started_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "touchstone.toml"
    with pytest.raises(Refusal) as refused:
        initialize(TargetOptions(target=["--", str(tmp_path / "nothing")][1:]), path, quiet=True)
    assert refused.value.code == Exit.UNREACHABLE
    assert not path.exists()


def test_nothing_to_look_at_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="touchstone init takes"):
        initialize(TargetOptions(), tmp_path / "touchstone.toml", quiet=True)
